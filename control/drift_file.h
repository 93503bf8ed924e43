/*
 * The drift file, in chrony's format: the rate of the counter against true time and how far that can be off,
 * two numbers in ppm. Whatever the file holds is survived. One thread.
 */
#ifndef CONTROL_DRIFT_FILE_H
#define CONTROL_DRIFT_FILE_H

#include <stdbool.h>
#include <stddef.h>

enum { DRIFT_FILE_TEXT = 64 /* octets of what is written, NUL included */ };

/* The first two numbers of a text. False for fewer, and for ones that no oscillator has: a rate beyond 100000
 * ppm, a skew that is not positive or beyond that. Pure. */
bool drift_file_parse(const char *text, size_t size, double *ppm, double *skew_ppm);

/* The text to write; its length, or 0 for numbers that drift_file_parse would refuse. Pure. */
size_t drift_file_format(char text[DRIFT_FILE_TEXT], double ppm, double skew_ppm);

/* Read it. False with a sentence in text[size], which is "" where there is no file yet. */
bool drift_file_read(const char *path, double *ppm, double *skew_ppm, char *text, size_t size);

/* Write it, whole or not at all: under another name at first, and on the disk before it gets its own. False
 * with a sentence in text[size]. */
bool drift_file_write(const char *path, double ppm, double skew_ppm, char *text, size_t size);

#endif
