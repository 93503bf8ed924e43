/*
 * Every way a packet can leave tickwire, once: the enum, the names in `tickwire status` and metrics, and the
 * counters all come from this list. Numbers may change between releases; names may not.
 */
#ifndef DATAPLANE_VERDICT_H
#define DATAPLANE_VERDICT_H

/* What becomes of the frame. */
enum disposition {
	DISPOSITION_ANSWER, /* turned into its reply and sent out of the port it came in by */
	DISPOSITION_KERNEL, /* not ours: to the exception path where the port has one, else dropped */
	DISPOSITION_DROP,   /* ours to judge, and refused */
	DISPOSITION_REFUSE, /* refused too, and told so by a Kiss-o'-Death as far as its limit allows */
};

/* X(symbol, disposition, name, meaning) */
#define VERDICTS(X)                                                                                   \
	X(ANSWERED, ANSWER, "answered", "NTP request answered")                                       \
	X(NOT_IP, KERNEL, "not-ip", "neither IPv4 nor IPv6: ARP, LLDP, more than two VLAN tags ...")  \
	X(SEGMENTED, KERNEL, "segmented", "frame in more than one buffer: too large for NTP")         \
	X(NOT_UDP, KERNEL, "not-udp", "IP, but not UDP")                                              \
	X(IPV4_OPTIONS, KERNEL, "ipv4-options", "IPv4 header with options")                           \
	X(IPV4_FRAGMENT, KERNEL, "ipv4-fragment", "fragment of an IPv4 datagram")                     \
	X(IPV6_EXTENSION, KERNEL, "ipv6-extension", "IPv6 extension header or fragment")              \
	X(OTHER_ADDRESS, KERNEL, "other-address", "destination is not an address served here")        \
	X(OTHER_PORT, KERNEL, "other-port", "UDP to another port")                                    \
	X(TRUNCATED, DROP, "truncated", "frame ends inside a header")                                 \
	X(IP_VERSION, DROP, "ip-version", "version in the IP header contradicts the EtherType")       \
	X(IP_LENGTH, DROP, "ip-length",                                                               \
		"length in the IP header exceeds the frame or misses the UDP header")                 \
	X(IP_CHECKSUM, DROP, "ip-checksum", "IPv4 header checksum is wrong")                          \
	X(SOURCE_MAC, DROP, "source-mac", "source MAC is a group address")                            \
	X(DESTINATION_MAC, DROP, "destination-mac",                                                   \
		"destination MAC is a group address, which could not be the reply's source")          \
	X(SOURCE_ADDRESS, DROP, "source-address",                                                     \
		"source is multicast, broadcast, unspecified, loopback or one of our own")            \
	X(SOURCE_PORT, DROP, "source-port", "source port 0")                                          \
	X(UDP_LENGTH, DROP, "udp-length", "length in the UDP header contradicts the IP header")       \
	X(UDP_CHECKSUM, DROP, "udp-checksum", "UDP checksum is wrong")                                \
	X(UDP_NO_CHECKSUM, DROP, "udp-no-checksum", "UDP over IPv6 without a checksum")               \
	X(NTP_SHORT, DROP, "ntp-short", "shorter than an NTP header")                                 \
	X(NTP_LENGTH, DROP, "ntp-length", "NTP length is no multiple of 4")                           \
	X(NTP_VERSION, DROP, "ntp-version", "NTP version 0 or above 4")                               \
	X(MODE_RESERVED, DROP, "mode-reserved", "mode 0 that is not an NTPv1 client")                 \
	X(MODE_PASSIVE, KERNEL, "mode-passive", "mode 2")                                             \
	X(MODE_SERVER, KERNEL, "mode-server", "mode 4: somebody else's reply")                        \
	X(MODE_BROADCAST, KERNEL, "mode-broadcast", "mode 5")                                         \
	X(MODE_CONTROL, DROP, "mode-control", "mode 6: ntpq")                                         \
	X(MODE_PRIVATE, DROP, "mode-private", "mode 7: ntpdc")                                        \
	X(EXTENSION_LENGTH, DROP, "extension-length",                                                 \
		"extension field that is too short, too long or cut off")                             \
	X(CRYPTO_NAK, DROP, "crypto-nak", "crypto-NAK in a request")                                  \
	X(MAC_LENGTH, DROP, "mac-length", "trailer of a length that no MAC has")                      \
	X(MAC_UNKNOWN_KEY, DROP, "mac-unknown-key", "MAC under a key that is not ours")               \
	X(CLOCK_SILENT, DROP, "clock-silent", "the clock is too far off to be served")                \
	X(NTS_ANSWERED, ANSWER, "nts-answered", "NTS request answered with authentication")           \
	X(NTS_IDENTIFIED, ANSWER, "nts-identified",                                                   \
		"request with a Unique Identifier alone, which its reply echoes")                     \
	/* RFC 8915: a request whose fields are not what it asks for is dropped ... */                \
	X(NTS_FIELD_LENGTH, DROP, "nts-field-length",                                                 \
		"encrypted field that is too short, too long or cut off")                             \
	X(NTS_NO_IDENTIFIER, DROP, "nts-no-identifier", "no Unique Identifier in front")              \
	X(NTS_TWO_IDENTIFIERS, DROP, "nts-two-identifiers", "more than one Unique Identifier")        \
	X(NTS_IDENTIFIER_SHORT, DROP, "nts-identifier-short", "Unique Identifier below 32 octets")    \
	X(NTS_NO_COOKIE, DROP, "nts-no-cookie", "no cookie before the NTS authenticator")             \
	X(NTS_TWO_COOKIES, DROP, "nts-two-cookies", "more than one cookie")                           \
	X(NTS_NO_AUTHENTICATOR, DROP, "nts-no-authenticator", "NTS fields without an authenticator")  \
	X(NTS_PLACEHOLDER_LENGTH, DROP, "nts-placeholder-length",                                     \
		"cookie placeholder that is not as long as the cookie")                               \
	X(NTS_AUTHENTICATOR_LENGTH, DROP, "nts-authenticator-length",                                 \
		"NTS authenticator too short for the nonce and ciphertext it claims")                 \
	X(NTS_NONCE_LENGTH, DROP, "nts-nonce-length", "NTS nonce of a length its AEAD does not take") \
	X(NTS_CIPHERTEXT_SHORT, DROP, "nts-ciphertext-short", "ciphertext shorter than its tag")      \
	X(NTS_PADDING, DROP, "nts-padding", "NTS authenticator without room for the reply's nonce")   \
	X(NTS_ENCRYPTED_FIELD, DROP, "nts-encrypted-field",                                           \
		"NTS field encrypted that must be sent in clear")                                     \
	/* ... one whose cookie or tag does not verify is told NTSN ... */                            \
	X(NTS_COOKIE_LENGTH, REFUSE, "nts-cookie-length", "cookie of a length unlike ours")           \
	X(NTS_UNKNOWN_KEY, REFUSE, "nts-unknown-key", "cookie under a key that is not in the ring")   \
	X(NTS_EXPIRED_KEY, REFUSE, "nts-expired-key", "cookie under a key whose time is over")        \
	X(NTS_ALGORITHM, REFUSE, "nts-algorithm", "cookie for an AEAD that is not served here")       \
	X(NTS_COOKIE_FORGED, REFUSE, "nts-cookie-forged", "cookie that does not verify")              \
	X(NTS_FORGED, REFUSE, "nts-forged", "NTS authenticator that does not verify")                 \
	/* ... and this one is our own failure. */                                                    \
	X(NTS_FAILED, DROP, "nts-failed", "no key that new cookies can be made with, or no cipher")

enum verdict {
#define X(symbol, disposition, name, meaning) VERDICT_##symbol,
	VERDICTS(X)
#undef X
		VERDICT_COUNT
};

struct verdict_info {
	enum disposition disposition;
	const char *name;    /* stable; [a-z0-9-] */
	const char *meaning; /* for people */
};

/* Indexed by enum verdict. */
extern const struct verdict_info verdict_info[VERDICT_COUNT];

#endif
