# Sourced by first_run.sh and run_tests.sh, from the repository's root: installs what is missing, finds or fetches a CUDA
# toolkit, configures. Says nothing about what is already there; safe to run again.

say() { printf '== %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

packages=(g++ cmake ninja-build pkg-config libspdlog-dev libfmt-dev doctest-dev libcli11-dev nlohmann-json3-dev libxxhash-dev)

# apt_install PACKAGE...: those that are missing, with apt-get, as root or through sudo.
apt_install() {
  local missing=() package as_root=()
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "missing packages, and neither root nor sudo: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

install_packages() {
  if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
    apt_install "${packages[@]}"
  else
    say "not Debian or Ubuntu: install what ${packages[*]} are called here"
  fi
  local version
  version=$(cmake --version | sed -n '1s/[^0-9]*//p')
  [ "$(printf '3.25\n%s\n' "$version" | sort -V | head -n 1)" = 3.25 ] ||
    die "CMake 3.25 or later is needed, $version was found: python3 -m pip install 'cmake>=3.25' has one"
}

# usable_toolkit FOLDER: CMake can find it, the headers are of 12.8 or later, and NVRTC is there.
usable_toolkit() {
  local version
  [ -x "$1/bin/nvcc" ] || [ -e "$1/version.txt" ] || return 1
  version=$(sed -n 's/^#define CUDA_VERSION \([0-9]*\).*/\1/p' "$1/include/cuda.h" 2>/dev/null | head -n 1)
  [ "${version:-0}" -ge 12080 ] || return 1
  compgen -G "$1/lib*/libnvrtc.so*" >/dev/null || compgen -G "$1/targets/*/lib/libnvrtc.so*" >/dev/null
}

# The headers, NVRTC and the CUDA runtime from PyPI's wheels, laid out as a toolkit in build/cuda: what this project needs of
# one (no nvcc). As new as an installed driver understands.
fetch_toolkit() {
  local target=$PWD/build/cuda wheels=$PWD/build/cuda-wheels version=13.0 folder file driver=
  local names=(nvidia-cuda-runtime==13.0.\* nvidia-cuda-nvrtc==13.0.\* nvidia-cuda-crt==13.0.\*)
  if command -v nvidia-smi >/dev/null; then
    driver=$(nvidia-smi 2>/dev/null | sed -n 's/.*CUDA Version: \([0-9]*\).*/\1/p' | head -n 1)
  fi
  if [ "${driver:-13}" -lt 13 ]; then
    version=12.9
    names=(nvidia-cuda-runtime-cu12==12.9.\* nvidia-cuda-nvrtc-cu12==12.9.\* nvidia-cuda-nvcc-cu12==12.9.\*)
  fi
  command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1 || apt_install python3-pip
  say "no CUDA Toolkit 12.8 or later found: fetching headers and NVRTC $version from PyPI into build/cuda"
  rm -rf "$target" "$wheels"
  python3 -m pip install --quiet --no-deps --target "$wheels" "${names[@]}" ||
    die "could not fetch them. Install the CUDA Toolkit 12.8 or later (https://developer.nvidia.com/cuda-downloads), or set CUDA_HOME"
  mkdir -p "$target/include" "$target/lib64"
  for folder in "$wheels"/nvidia/*/; do
    [ -d "$folder/include" ] && cp -a "$folder/include/." "$target/include/"
    [ -d "$folder/lib" ] && cp -a "$folder/lib/." "$target/lib64/"
  done
  rm -f "$target"/lib64/*.alt.*
  for file in "$target"/lib64/lib*.so.*; do  # libX.so.13 -> libX.so
    case $file in *builtins*) ;; *) ln -sf "$(basename "$file")" "${file%%.so.*}.so" ;; esac
  done
  rm -rf "$wheels"
  printf 'CUDA Version %s.0\n' "$version" >"$target/version.txt"  # what CMake's FindCUDAToolkit reads without nvcc
  printf '{"cuda": {"version": "%s.0"}}\n' "$version" >"$target/version.json"
}

# Sets CUDA_HOME, which CMake and, at run time, the library's search for NVRTC go by.
find_toolkit() {
  local folder
  while read -r folder; do
    if [ -n "$folder" ] && usable_toolkit "$folder"; then
      export CUDA_HOME=$folder
      return
    fi
  done < <(printf '%s\n' "${CUDA_HOME:-}" "${CUDA_PATH:-}" /usr/local/cuda; compgen -G '/usr/local/cuda-*' | sort -rV
           printf '%s\n' "$PWD/build/cuda")
  fetch_toolkit
  usable_toolkit "$PWD/build/cuda" || die "the toolkit fetched into build/cuda is not complete"
  export CUDA_HOME=$PWD/build/cuda
}

# configure PRESET [CMAKE_ARGUMENT...]
configure() {
  local preset=$1 launcher=()
  shift
  command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_C_COMPILER_LAUNCHER=ccache)
  cmake --preset "$preset" -DCUDAToolkit_ROOT="$CUDA_HOME" "${launcher[@]}" "$@" >build/configure.log ||
    { cat build/configure.log; die "cmake --preset $preset failed"; }
}

have_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null | grep -q '^GPU'; }

set_up() {
  mkdir -p build
  install_packages
  find_toolkit
}
