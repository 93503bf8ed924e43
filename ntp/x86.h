/*
 * For code that needs certain instructions of x86-64, while the rest of the program runs on any. Where it is
 * called, the CPU has been asked for them (__builtin_cpu_supports).
 */
#ifndef NTP_X86_H
#define NTP_X86_H

/* Around functions that need certain instructions: the rest of the program runs on any x86-64. */
#define X86_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define X86_BEGIN(features) \
	X86_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define X86_END _Pragma("clang attribute pop")
#else
#define X86_BEGIN(features) _Pragma("GCC push_options") X86_PRAGMA(GCC target(features))
#define X86_END _Pragma("GCC pop_options")
#endif

#endif
