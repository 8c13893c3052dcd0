# Configures, builds and runs the consumer project, of C alone and of C and C++, against the library installed under
# PREFIX.
#
#   cmake -D PREFIX=... -D SOURCE=... -D WORK=... -D README=... -P find_package_test.cmake
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

run(${CMAKE_COMMAND} -D README=${README} -D OUTPUT=${WORK}/readme_example.c
  -P ${CMAKE_CURRENT_LIST_DIR}/extract_example.cmake)
foreach(languages C "C;CXX")
  string(REPLACE ";" "_" build "${WORK}/build_${languages}")
  run(${CMAKE_COMMAND} -S ${SOURCE} -B ${build} -G Ninja -D CMAKE_PREFIX_PATH=${PREFIX} "-DLANGUAGES=${languages}"
    -D CMAKE_C_COMPILER=${CC} -D CMAKE_CXX_COMPILER=${CXX} -D README_EXAMPLE=${WORK}/readme_example.c
    -D CMAKE_FIND_USE_PACKAGE_REGISTRY=OFF -D CMAKE_DISABLE_FIND_PACKAGE_CUDAToolkit=ON)
  file(STRINGS ${build}/CMakeCache.txt found REGEX "^swiglu_DIR:")
  if(NOT found MATCHES "=${PREFIX}/")
    message(FATAL_ERROR "the package was not found under ${PREFIX} but: ${found}")
  endif()
  run(${CMAKE_COMMAND} --build ${build})
  run(${CMAKE_CTEST_COMMAND} --test-dir ${build} --output-on-failure --no-tests=error)
endforeach()
