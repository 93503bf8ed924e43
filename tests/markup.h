/* A look at pages and pictures that tests have made. */
#ifndef TESTS_MARKUP_H
#define TESTS_MARKUP_H

#include <stddef.h>

/*
 * Fails the test unless the tags are balanced, each attribute is quoted and each '&' begins an entity; a
 * doctype and HTML's empty elements written as <x/> may stand. Fails on "nan" and "inf" among the numbers of
 * attributes.
 */
void markup_assert_balanced(const char *text);

/* Fails the test unless every coordinate of every <svg> lies in its view box. Returns how many were looked
 * at. */
size_t markup_assert_inside(const char *text);

#endif
