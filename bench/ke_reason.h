/* Why a key establishment of a load failed: names for machines, sentences and remedies for people. Pure. */
#ifndef BENCH_KE_REASON_H
#define BENCH_KE_REASON_H

#include "nts/ke_client.h"

/* X(symbol, name, meaning, remedy), those on the target's side first. */
#define KE_REASONS(X)                                                                                        \
	X(REFUSED, "refused", "the target refuses TCP connections",                                          \
		"is an NTS-KE server running there? -p names another port")                                  \
	X(UNREACHABLE, "unreachable", "there is no way to the target",                                       \
		"`ip route get ADDRESS` shows the way; a firewall may forbid it")                            \
	X(CONNECT_TIMEOUT, "connect-timeout", "TCP was not answered in time",                                \
		"a firewall drops it, or the target's backlog is full: ask for less, or raise --timeout")    \
	X(HANDSHAKE_TIMEOUT, "handshake-timeout", "TLS did not get on in time",                              \
		"the target is overloaded, or speaks no TLS: ask for less, or raise --timeout")              \
	X(RESPONSE_TIMEOUT, "response-timeout", "no whole response in time",                                 \
		"the target is overloaded: ask for less, or raise --timeout")                                \
	X(CLOSED, "closed-early", "the target closed the connection before its response was whole",          \
		"limits of the server do that: maxntsconnections and ntsratelimit in tickwire")              \
	X(RESET, "reset", "the target reset the connection", "limits of the server or a firewall do that")   \
	X(CERTIFICATE, "certificate", "the target's certificate is not accepted",                            \
		"--ca names whom to trust, --name whom the certificate is for")                              \
	X(ALERT, "alert", "the target refuses by a TLS alert", "the server's log says why")                  \
	X(VERSION, "version", "the target knows no TLS 1.3", "NTS needs it")                                 \
	X(ALPN, "alpn", "the target does not speak ntske/1", "it may be another service: -p names the port") \
	X(TLS, "tls", "what the target sends is no TLS, or not as it has to be",                             \
		"it may be another service: -p names the port")                                              \
	X(LOCAL_PORTS, "local-ports", "this host has no free local port for the target",                     \
		"ask for less, or widen net.ipv4.ip_local_port_range; closed connections hold theirs for a " \
		"minute")                                                                                    \
	X(DESCRIPTORS, "descriptors", "this host has no file descriptor left",                               \
		"ask for fewer --connections, or raise the limit (ulimit -n, fs.file-max)")                  \
	X(MEMORY, "memory", "this host is short of memory for connections", "ask for fewer --connections")   \
	X(SYSTEM, "system-error", "this host failed", "see the error")

/* A response that is wrong has KE_REASON_RESPONSE and its verdict; those of VALID and PENDING never come. */
enum ke_reason {
#define X(symbol, name, meaning, remedy) KE_REASON_##symbol,
	KE_REASONS(X)
#undef X
		KE_REASON_RESPONSE,
	KE_REASON_COUNT = (int)KE_REASON_RESPONSE + (int)KE_CLIENT_VERDICT_COUNT
};

struct ke_reason_info {
	const char *name;    /* stable; [a-z0-9-] */
	const char *meaning; /* for people */
	const char *remedy;  /* for people: what to do, or where to look */
};

/* Indexed by enum ke_reason. */
extern const struct ke_reason_info ke_reason_info[KE_REASON_COUNT];

#endif
