/*
 * What an input of fuzz_nts_answer is, for the target and for who writes its seeds: an octet of flags, then
 * what the mode says.
 */
#ifndef TESTS_FUZZ_NTS_ANSWER_H
#define TESTS_FUZZ_NTS_ANSWER_H

enum {
	FUZZ_NTS_OVER = 0x03,    /* enum nts_golden_over */
	FUZZ_NTS_OFFLOAD = 0x04, /* checksums are the port's */
	FUZZ_NTS_SILENT = 0x08,  /* no kiss is left */
	/* Modes: */
	FUZZ_NTS_RAW = 0x00, /* the NTP packet as it is */
	FUZZ_NTS_PATCHED =
		0x10, /* a good request, and three octets for each change: where (2), what to xor */
	/*
	 * Behind a good header, identifier and cookie: octets of the nonce (1; with 0x80 the client is one of
	 * AES-128-GCM-SIV), words of padding (1), size of
	 * what is in clear (2), that, and what is encrypted; all of it with a right tag.
	 */
	FUZZ_NTS_WRAPPED = 0x20,
	FUZZ_NTS_BARE = 0x40,    /* as wrapped, without identifier and cookie of its own */
	FUZZ_NTS_USUAL = 0x30,   /* as patched, of a usual request ... */
	FUZZ_NTS_GCM_SIV = 0x80, /* ... of a client of AES-128-GCM-SIV */
	FUZZ_NTS_MODE = 0x70,
};

#endif
