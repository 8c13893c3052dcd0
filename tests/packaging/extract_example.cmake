# Writes the first ```c block of README to OUTPUT. Fails if there is none, or if it is longer than the README promises.
#
#   cmake -D README=<file> -D OUTPUT=<file> -P extract_example.cmake
cmake_minimum_required(VERSION 3.25)
set(most_lines 25)

file(READ ${README} text)
string(FIND "${text}" "\n```c\n" begin)
if(begin EQUAL -1)
  message(FATAL_ERROR "${README} has no ```c block")
endif()
math(EXPR begin "${begin} + 6")
string(SUBSTRING "${text}" ${begin} -1 text)
string(FIND "${text}" "\n```\n" end)
math(EXPR end "${end} + 1")
string(SUBSTRING "${text}" 0 ${end} example)
string(REGEX REPLACE "[^\n]" "" newlines "${example}")
string(LENGTH "${newlines}" lines)
if(lines GREATER most_lines)
  message(FATAL_ERROR "the example of ${README} has ${lines} lines, more than ${most_lines}")
endif()
file(WRITE ${OUTPUT} "${example}")
