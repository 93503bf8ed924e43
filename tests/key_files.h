/* Key files for tests. */
#ifndef TESTS_KEY_FILES_H
#define TESTS_KEY_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "nts/key_file.h"

/* A period of a week, as nts/key_file.h counts it. */
#define KEY_FILES_WEEK (UINT64_C(604800) << 32)

/* A key file of four fresh keys that turn every week; `seed` makes them others. Its size; 0 where it failed.
 */
size_t key_files_make(char text[KEY_FILE_MAX], uint8_t seed);

#endif
