// What the tuner asks of the place where candidates are tried: one problem at one m on one device. An interface, so
// that the tuner's decisions are tested without a GPU. The device's: tune/device_trial.h.
#pragma once

#include <string>
#include <vector>

#include "swiglu/config.h"

namespace swiglu {

class Trial {
 public:
  virtual ~Trial() = default;

  // Any thread, several at a time. Throws Error{COMPILE_FAILED} and what else a compiler throws.
  virtual void compile(const KernelConfig& config) = 0;

  // The rest is for one thread, the measuring one.

  // What checking compares with: compiled before check() is called, or that call compiles it.
  virtual std::vector<KernelConfig> trusted() const = 0;

  // Loads a compiled candidate; after this neither check() nor time() has anything left to load. Throws Error.
  virtual void load(const KernelConfig& config) = 0;

  // Executes it once and says why its results are wrong; "" if they are right. Throws Error.
  virtual std::string check(const KernelConfig& config) = 0;

  // One sample: seconds of one execution out of a cold L2 cache, averaged over as many as one sample takes. Throws
  // Error.
  virtual double time(const KernelConfig& config) = 0;

  // The same, for a first idea: may look at less than time() does, and takes no longer.
  virtual double probe(const KernelConfig& config) { return time(config); }

  // Forgets what load() made of it, if it did. Throws nothing.
  virtual void unload(const KernelConfig& config) = 0;
};

}  // namespace swiglu
