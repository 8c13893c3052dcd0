# Compiles and runs the C consumer with what pkg-config says, shared and static, against a copy of the installation
# elsewhere: the .pc file must not know where it was built or first installed.
#
#   cmake -D PREFIX=... -D SOURCE=... -D WORK=... -D LIBDIR=lib -D CC=... -D PKG_CONFIG=... -P pkg_config_test.cmake
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
execute_process(COMMAND ${CMAKE_COMMAND} -E copy_directory ${PREFIX} ${WORK}/moved COMMAND_ERROR_IS_FATAL ANY)
set(ENV{PKG_CONFIG_PATH} ${WORK}/moved/${LIBDIR}/pkgconfig)

function(pkg_config result)
  execute_process(COMMAND ${PKG_CONFIG} ${ARGN} swiglu OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE
    COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  set(${result} ${flags} PARENT_SCOPE)
endfunction()

pkg_config(version --modversion)
if(NOT version STREQUAL VERSION)
  message(FATAL_ERROR "pkg-config says version ${version}, the project ${VERSION}")
endif()
pkg_config(cflags --cflags)
pkg_config(libs --libs)
pkg_config(static_libs --libs --static)
list(TRANSFORM static_libs REPLACE "^-lswiglu$" "-l:libswiglu.a")  # the shared library lies beside it
pkg_config(prefix --variable=prefix)
get_filename_component(prefix "${prefix}" REALPATH)
get_filename_component(moved ${WORK}/moved REALPATH)
if(NOT prefix STREQUAL moved)
  message(FATAL_ERROR "the prefix is ${prefix}, not ${moved}")
endif()
set(ENV{LD_LIBRARY_PATH} ${WORK}/moved/${LIBDIR})
foreach(kind libs static_libs)
  execute_process(COMMAND ${CC} -std=c99 ${SOURCE}/consumer.c ${cflags} ${${kind}} -o ${WORK}/consumer_${kind}
    COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${WORK}/consumer_${kind} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
