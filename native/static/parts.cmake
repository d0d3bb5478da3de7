# What is inside an addon that needs nothing of the system (TESSERA_STATIC): tpm2-tss from its source, and libtpms. Their
# OpenSSL is Node's own. scripts/release hands over where the parts are:
#
#   TESSERA_TSS2_SOURCE   the source of tpm2-tss
#   TESSERA_LIBTPMS       libtpms.a, its `stderr` renamed to `tessera_stderr` (stderr.c)
enable_language(C)
set(tss2 ${TESSERA_TSS2_SOURCE})
file(GLOB TSS2_SOURCES CONFIGURE_DEPENDS
  ${tss2}/src/tss2-mu/*.c ${tss2}/src/tss2-sys/*.c ${tss2}/src/tss2-sys/api/*.c ${tss2}/src/util-io/*.c)
list(APPEND TSS2_SOURCES ${tss2}/src/util/log.c ${tss2}/src/util/key-value-parse.c ${tss2}/src/tss2-tcti/tcti-common.c
  ${tss2}/src/tss2-tcti/tcti-device.c ${tss2}/src/tss2-tcti/tcti-mssim.c)
# Each TCTI has a function of this name for the loader, which is not used here.
foreach(tcti device mssim)
  set_source_files_properties(${tss2}/src/tss2-tcti/tcti-${tcti}.c PROPERTIES
    COMPILE_DEFINITIONS Tss2_Tcti_Info=tessera_${tcti}_info)
endforeach()

add_library(tss2 STATIC ${TSS2_SOURCES})
set_target_properties(tss2 PROPERTIES C_VISIBILITY_PRESET hidden)
target_include_directories(tss2 PRIVATE ${tss2}/include/tss2 ${tss2}/include ${tss2}/src ${tss2}/src/tss2-sys
  ${tss2}/src/tss2-mu ${tss2}/src/tss2-tcti ${tss2}/src/util ${tss2}/src/util-io)
# MAXLOGLEVEL 0: the log, which prints whole commands at its level trace, is not compiled in.
target_compile_definitions(tss2 PRIVATE _GNU_SOURCE MAXLOGLEVEL=0 TCTI_DEVICE _FORTIFY_SOURCE=2)
target_compile_options(tss2 PRIVATE -w -fstack-protector-strong ${TESSERA_SECTIONS})

set(symbols ${CMAKE_CURRENT_BINARY_DIR}/symbols.cc)
add_custom_command(OUTPUT ${symbols}
  COMMAND ${CMAKE_COMMAND} "-DOBJECTS=$<JOIN:$<TARGET_OBJECTS:tessera_objects>,|>" -DOUT=${symbols}
    -P ${CMAKE_CURRENT_LIST_DIR}/symbols.cmake
  DEPENDS tessera_objects $<TARGET_OBJECTS:tessera_objects> ${CMAKE_CURRENT_LIST_DIR}/symbols.cmake
  COMMAND_EXPAND_LISTS VERBATIM)
target_sources(tessera PRIVATE ${symbols} ${CMAKE_CURRENT_LIST_DIR}/tcti.cc ${CMAKE_CURRENT_LIST_DIR}/stderr.c)
target_link_libraries(tessera PRIVATE tss2 ${TESSERA_LIBTPMS})
target_link_options(tessera PRIVATE -s -Wl,-Bsymbolic -Wl,--gc-sections
  -Wl,--version-script=${CMAKE_CURRENT_LIST_DIR}/exports)
