# Install rules: the library (shared, static), its one public header, the program, data, the CMake package and pkg-config.
# Included by the root. Everything is relocatable: no absolute path of the build or of the prefix is written.
include(CMakePackageConfigHelpers)

set(swiglu_package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/swiglu)

# How the library finds the data installed with it: base/location.cpp.
file(RELATIVE_PATH swiglu_data_from_library /prefix/${CMAKE_INSTALL_LIBDIR} /prefix/${CMAKE_INSTALL_DATADIR}/swiglu)
target_compile_definitions(swiglu_base PRIVATE SWIGLU_DATA_FROM_LIBRARY="${swiglu_data_from_library}")

install(TARGETS swiglu swiglu_static EXPORT swiglu-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/swiglu DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY cache/ DESTINATION ${CMAKE_INSTALL_DATADIR}/swiglu/cache
  FILES_MATCHING PATTERN "*.json" PATTERN "README.md" PATTERN "kernels" EXCLUDE)

install(EXPORT swiglu-targets NAMESPACE swiglu:: DESTINATION ${swiglu_package_directory})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/swiglu-config.cmake.in ${PROJECT_BINARY_DIR}/swiglu-config.cmake
  INSTALL_DESTINATION ${swiglu_package_directory})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/swiglu-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/swiglu-config.cmake ${PROJECT_BINARY_DIR}/swiglu-config-version.cmake
  DESTINATION ${swiglu_package_directory})

# The prefix as seen from the .pc file's own folder, so that a moved installation still works.
file(RELATIVE_PATH swiglu_pc_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" swiglu_pc_prefix "${swiglu_pc_prefix}")
set(swiglu_pc_private_libraries ${swiglu_cxx_libraries} pthread ${CMAKE_DL_LIBS})
list(TRANSFORM swiglu_pc_private_libraries PREPEND -l)
list(JOIN swiglu_pc_private_libraries " " swiglu_pc_private_libraries)
configure_file(${CMAKE_CURRENT_LIST_DIR}/swiglu.pc.in ${PROJECT_BINARY_DIR}/swiglu.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/swiglu.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
