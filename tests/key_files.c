#include "tests/key_files.h"

#include <string.h>
#include <time.h>

size_t key_files_make(char text[KEY_FILE_MAX], uint8_t seed)
{
	struct keyring ring = {0};
	struct keyring_fresh fill[KEYRING_KEYS];
	const ntp64 now = ntp64_from_unix((int64_t)time(NULL), 0);

	memset(fill, seed, sizeof(fill));
	for (uint32_t i = 0; i < KEYRING_KEYS; i++) {
		struct keyring_fresh fresh = {0};
		const ntp64 then = now - (KEYRING_KEYS - 1 - i) * KEY_FILES_WEEK;

		fresh.id = key_file_next_id(&ring, 0x01010100U * (i + seed));
		memset(fresh.key, (int)(16 * i + seed), sizeof(fresh.key));
		if (!keyring_rotate(&ring, &fresh, then, KEY_FILES_WEEK))
			return 0;
	}
	return key_file_write(text, &ring, now, fill);
}
