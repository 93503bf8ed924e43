/*
 * The file of cookie keys, `ntskeys` in the directive ntsdumpdir's directory, and a copy of its text in
 * memory: what a key establishment that is started anew goes on with, also where there is no directory.
 * Root; one thread. Waits for the disk, never longer than it takes to write a page.
 */
#ifndef CONTROL_KEY_STORE_H
#define CONTROL_KEY_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "control/config.h"
#include "nts/key_file.h"

enum { KEY_STORE_TEXT = 2 * KEY_FILE_MAX };

struct key_store {
	char dir[CONFIG_PATH]; /* "": the memory alone */
	bool ours;             /* we write it; else somebody else does, and we read */
	int lock;              /* descriptor that keeps other writers out of dir; -1: none */
	bool unsaved;          /* text is newer than the file; `error` says why */
	char error[512];       /* why the file could not be read or written; "" once it could */
	size_t size;           /* of text; 0: no keys are known */
	char text[KEY_STORE_TEXT];
};

/*
 * Begin with a directory ("" for none). One that is to be `ours` is made (0700) where it is missing, and
 * locked. False with a sentence in text[size]; key_store_close is harmless then, and on a struct that it has
 * closed before.
 */
bool key_store_open(struct key_store *store, const char *dir, bool ours, char *text, size_t size);

/* Let go of the directory and erase the keys. */
void key_store_close(struct key_store *store);

/*
 * Read the file into store->text. True where keys have been read, and where there is no directory, or in ours
 * no file yet; store->text is then as it was, as it is where this is false and store->error says why. Ours is
 * renamed to ntskeys.damaged-N where it is no key file. `period` as in nts/key_file.h.
 */
bool key_store_read(struct key_store *store, uint64_t period);

/*
 * Read any key file into text[KEY_STORE_TEXT], as key_store_read does. Gives its size, or 0 with a sentence
 * in message[message_size].
 */
size_t key_store_read_file(
	char text[KEY_STORE_TEXT], const char *path, uint64_t period, char *message, size_t message_size);

/* Keep this text in memory (false where it is longer than KEY_STORE_TEXT), to be written where there is a
 * directory of ours: store->unsaved. */
bool key_store_keep(struct key_store *store, const void *text, size_t size);

/*
 * Write the text where it is unsaved: replaced in one step, and on the disk when this returns. False with
 * store->error; nothing has changed then, and it may be tried again.
 */
bool key_store_write(struct key_store *store);

#endif
