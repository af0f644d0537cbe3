# Build options: warnings, sanitizers, fuzzing. Presets set them; see CMakePresets.json.
set(VEDETTE_SANITIZE "" CACHE STRING "address+undefined, or thread; empty for none")
option(VEDETTE_FUZZ "Build the fuzz targets (needs clang)" OFF)
option(VEDETTE_TIDY "Run clang-tidy beside the compiler" OFF)

add_library(vedette_options INTERFACE)
target_include_directories(vedette_options INTERFACE ${CMAKE_SOURCE_DIR})
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # g++ 12 sees overlaps in std::string's own assignment that are not there (its bug 105651).
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()
target_compile_options(vedette_options INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Werror -Wnon-virtual-dtor -Wno-missing-field-initializers>
    -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
    # clang 19 sees that std::stable_sort of libstdc++ 12 uses something deprecated.
    target_compile_options(vedette_options INTERFACE
        $<$<COMPILE_LANGUAGE:CXX>:-Wshadow;-Wthread-safety;-Wno-deprecated-declarations>)
else()
    target_compile_options(vedette_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wshadow=local>)
endif()

if(VEDETTE_SANITIZE STREQUAL "address")
    set(sanitize_flags -fsanitize=address,undefined -fno-sanitize-recover=undefined)
elseif(VEDETTE_SANITIZE STREQUAL "thread")
    # g++ warns that std::atomic_thread_fence is not understood by the thread sanitizer, and, with it, sees
    # members of std::variant uninitialized that are not there.
    set(sanitize_flags -fsanitize=thread -Wno-tsan -Wno-maybe-uninitialized)
elseif(NOT VEDETTE_SANITIZE STREQUAL "")
    message(FATAL_ERROR "VEDETTE_SANITIZE is `${VEDETTE_SANITIZE}`; expected `address`, `thread` or nothing")
endif()
if(sanitize_flags)
    target_compile_options(vedette_options INTERFACE ${sanitize_flags})
    target_link_options(vedette_options INTERFACE ${sanitize_flags})
endif()
if(VEDETTE_FUZZ)
    target_compile_options(vedette_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined)
    target_link_options(vedette_options INTERFACE -fsanitize=address,undefined)
endif()
if(VEDETTE_TIDY)
    find_program(CLANG_TIDY NAMES clang-tidy-19 REQUIRED)
    set(CMAKE_CXX_CLANG_TIDY ${CLANG_TIDY})
endif()

find_program(CCACHE ccache)
if(CCACHE AND NOT VEDETTE_TIDY)
    # A clone in another folder shares the cache: paths and the folder do not enter the hash.
    set(launcher ${CMAKE_COMMAND} -E env CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${CCACHE})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
    set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
endif()
