# A room is one static library; its tests live in tests/<room>/<unit>_test.cpp.

# vedette_room(NAME SOURCES file... [USES room...] [LIBRARIES target...] [PRIVATE_LIBRARIES target...])
function(vedette_room name)
    cmake_parse_arguments(ROOM "" "" "SOURCES;USES;LIBRARIES;PRIVATE_LIBRARIES" ${ARGN})
    add_library(vedette_${name} STATIC ${ROOM_SOURCES})
    target_link_libraries(vedette_${name} PUBLIC vedette_options ${ROOM_LIBRARIES}
        PRIVATE ${ROOM_PRIVATE_LIBRARIES})
    if(CMAKE_UNITY_BUILD)
        # In one big file every type is of "another file", and what one part does not use warns for all.
        target_compile_options(vedette_${name} PRIVATE
            $<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage -Wno-unused-function>)
    endif()
    foreach(room ${ROOM_USES})
        target_link_libraries(vedette_${name} PUBLIC vedette_${room})
    endforeach()
endfunction()

# vedette_tests(ROOM UNITS unit... [USES room...] [LIBRARIES target...])
# Builds tests/<room>/<unit>_test.cpp into one program and registers one test a unit, so that a
# unit whose file holds no test case fails instead of passing silently (-w NoTests).
function(vedette_tests room)
    cmake_parse_arguments(TESTS "" "" "UNITS;USES;LIBRARIES;SOURCES" ${ARGN})
    set(program vedette_${room}_tests)
    list(TRANSFORM TESTS_UNITS APPEND _test.cpp OUTPUT_VARIABLE files)
    add_executable(${program} ${files} ${TESTS_SOURCES})
    target_link_libraries(${program} PRIVATE vedette_options Catch2::Catch2WithMain ${TESTS_LIBRARIES})
    foreach(used ${TESTS_USES})
        target_link_libraries(${program} PRIVATE vedette_${used})
    endforeach()
    foreach(unit ${TESTS_UNITS})
        add_test(NAME ${room}/${unit}
            COMMAND ${program} --filenames-as-tags -w NoTests "[#${unit}_test]"
            WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
        set_tests_properties(${room}/${unit} PROPERTIES TIMEOUT 120 LABELS unit)
    endforeach()
endfunction()

# vedette_process_test(NAME LABEL name COMMAND ... [TIMEOUT s]): a test that runs real programs.
function(vedette_process_test name)
    cmake_parse_arguments(TEST "" "LABEL;TIMEOUT" "COMMAND" ${ARGN})
    if(NOT TEST_TIMEOUT)
        set(TEST_TIMEOUT 300)
    endif()
    add_test(NAME ${name} COMMAND ${TEST_COMMAND} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES LABELS ${TEST_LABEL} TIMEOUT ${TEST_TIMEOUT}
        ENVIRONMENT "VEDETTE_BUILD=${CMAKE_BINARY_DIR}")
endfunction()

# vedette_fuzz(NAME room...): tests/fuzz/<name>_fuzz.cpp, built only with VEDETTE_FUZZ.
function(vedette_fuzz name)
    if(NOT VEDETTE_FUZZ)
        return()
    endif()
    add_executable(${name}_fuzz ${CMAKE_SOURCE_DIR}/tests/fuzz/${name}_fuzz.cpp)
    target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
    target_link_libraries(${name}_fuzz PRIVATE vedette_options)
    foreach(room ${ARGN})
        target_link_libraries(${name}_fuzz PRIVATE vedette_${room})
    endforeach()
endfunction()
