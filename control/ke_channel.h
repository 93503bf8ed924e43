/*
 * What the supervisor and tickwire-ke say to each other, over a pair of SOCK_SEQPACKET sockets that the
 * daemon inherits. The supervisor is the daemon's hand in the file system: it opens certificates, private
 * keys and the key file as root, and passes descriptors or contents; the daemon needs no right to any file.
 *
 * A message is one octet of type, a body, and descriptors. Who reads a message that it does not know ignores
 * it. One thread on each side.
 *
 * The status is one object: "listening" (addresses with port), "threads", "connections" (held now), "served"
 * (bool: there are identities), "outcomes" (name -> count, of control/ke_server.h), "certificates" (list of
 * "file", "names", "kind", "not_before", "not_after"), "keys" (list of "id" in hexadecimal, "state" "future",
 * "current", "old" or "expired", "not_before", "not_after"), "rotations". Times are Unix seconds.
 */
#ifndef CONTROL_KE_CHANNEL_H
#define CONTROL_KE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ke_message_type {
	/* To the daemon. */
	KE_MESSAGE_IDENTITIES = 1, /* body: the files' names, each ended by a NUL, certificate and key in
				      turn; a descriptor for each. Answered by REPLY: "" or a sentence; the
				      old ones stay in use then */
	KE_MESSAGE_KEYS,   /* body: a key file (nts/key_file.h), "" for none. The first makes the daemon
			      publish a keyring; a later one replaces it. Answered by REPLY likewise */
	KE_MESSAGE_ROTATE, /* answered by REPLY: "" or a sentence */
	KE_MESSAGE_EXPORT, /* answered by REPLY: a key file, or nothing where there is none */
	KE_MESSAGE_STATUS, /* answered by REPLY: the status, see above */
	/* From the daemon. */
	KE_MESSAGE_READY, /* keys are published, and the ports are open where there are identities */
	KE_MESSAGE_SAVE,  /* body: a key file to be kept */
	KE_MESSAGE_REPLY, /* to the oldest message that has none yet */
};

enum { KE_CHANNEL_BODY = 65536, KE_CHANNEL_DESCRIPTORS = 32 };

struct ke_message {
	enum ke_message_type type;
	size_t size;
	unsigned descriptors;
	int descriptor[KE_CHANNEL_DESCRIPTORS];
	uint8_t body[KE_CHANNEL_BODY + 1]; /* a NUL behind it */
};

/* Send without waiting; descriptors stay the caller's. False with errno where it failed. */
bool ke_channel_send(int fd, enum ke_message_type type, const void *body, size_t size, const int *descriptors,
	unsigned count);

/* Take a message; its descriptors are the caller's, close-on-exec. 1; 0 where there is none; -1 where the
 * other side is gone or has sent what is none. Does not wait. */
int ke_channel_take(int fd, struct ke_message *message);

/* Close a message's descriptors and erase its body. */
void ke_message_drop(struct ke_message *message);

#endif
