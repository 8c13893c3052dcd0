// The stores of this process without their tuning records: what a plan runs is then the estimate's choice, whatever
// `swiglu prewarm` has left there, while kernels are found and kept as ever.
//
// The library reads its environment on first use, and has no switch for this. So a folder is made that looks like the
// user's store (cache/README.md) but for the records: it links to all the rest; likewise for each folder of
// SWIGLU_CACHE_PATH. Out of reach are packs, which are left out, and records that were installed with the library: of
// these a plan's description tells.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace swiglu::tool {

// Makes `shadow`, a folder that is a store as `store` is, without records. Of a writable store what will be wanted is
// created first, so that what is published lands in it.
void shadow_store(const std::filesystem::path& store, const std::filesystem::path& shadow, bool writable);

// Where the user's store is, asked of a process of its own, as asking makes the library read its environment; "" if
// there is none.
std::string user_store();

// Sets the environment of this process. To be made before the library has read it; a Failure where it was too late. Not
// thread-safe.
class UntunedStores {
 public:
  explicit UntunedStores(const std::string& user_store);

  // Packs that are left out.
  const std::vector<std::string>& left_out() const { return left_out_; }

 private:
  void hide_search_path();
  void hide_user_store(const std::string& store);

  struct Folder {  // removed at the end: the links, not what they link to
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::filesystem::path path;
  };
  Folder folder_;
  std::vector<std::string> left_out_;
};

}  // namespace swiglu::tool
