# `cmake --install`, and find_package(tinytorch) for the programs of others: tests/cmake tries both.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/tinytorch)
install(TARGETS tinytorch EXPORT tinytorchTargets)
install(DIRECTORY include/tinytorch DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(EXPORT tinytorchTargets NAMESPACE tinytorch:: DESTINATION ${package})

file(CONFIGURE OUTPUT tinytorchConfig.cmake @ONLY CONTENT [[
include(CMakeFindDependencyMacro)
if(@TINYTORCH_THREADS@)
  find_dependency(Threads)
endif()
include(${CMAKE_CURRENT_LIST_DIR}/tinytorchTargets.cmake)
]])
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/tinytorchConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tinytorchConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/tinytorchConfigVersion.cmake
  DESTINATION ${package})
