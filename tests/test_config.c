/* control/config.h: each directive good and bad, messages, CPU lists, differences for a reload, the reference
 * page, mutations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/check.h"
#include "control/config.h"
#include "control/directive.h"
#include "dataplane/cpu_list.h"

enum { LOG_MESSAGES = 160 };

struct log {
	int messages, errors;
	struct config_message message[LOG_MESSAGES];
};

static void record(void *opaque, const struct config_message *message)
{
	struct log *log = opaque;

	if (log->messages < LOG_MESSAGES)
		log->message[log->messages] = *message;
	log->messages++;
	log->errors += message->error;
}

static bool parse(struct config *config, struct log *log, const char *text)
{
	memset(log, 0, sizeof(*log));
	config_init(config);
	return config_parse(config, text, strlen(text), record, log);
}

static void assert_says(const struct log *log, int index, int line, const char *part)
{
	assert_true(index < log->messages);
	assert_int_equal(log->message[index].line, line);
	if (!strstr(log->message[index].text, part))
		fail_msg("\"%s\" does not say \"%s\"", log->message[index].text, part);
}

static void good(struct config *config, const char *text)
{
	static struct log log;

	if (!parse(config, &log, text))
		fail_msg("%s: %s", text, log.message[0].text);
	assert_int_equal(log.messages, 0);
}

/* The error of the one bad line is in the last line and says this. */
static void bad(const char *text, const char *part)
{
	static struct log log;
	struct config config;
	int line = 1;

	for (const char *c = text; *c; c++)
		line += *c == '\n' && c[1];
	if (parse(&config, &log, text))
		fail_msg("%s: was accepted", text);
	assert_int_equal(log.messages, 1);
	assert_true(log.message[0].error);
	assert_says(&log, 0, line, part);
}

static void warned(struct config *config, const char *text, const char *part)
{
	static struct log log;

	if (!parse(config, &log, text))
		fail_msg("%s: %s", text, log.message[0].text);
	assert_int_equal(log.messages, 1);
	assert_false(log.message[0].error);
	assert_says(&log, 0, 1, part);
}

static void defaults(void **state)
{
	struct config config;

	(void)state;
	good(&config, "");
	assert_int_equal(config.interfaces, 0);
	assert_string_equal(config.workers, "");
	assert_int_equal(config.bind_addresses, 0);
	assert_int_equal(config.port, 123);
	assert_int_equal(config.min_poll, 0);
	assert_int_equal(config.local_stratum, 0);
	assert_int_equal(config.huge_pages, CONFIG_AUTO);
	assert_int_equal(config.idle, CONFIG_IDLE_SLEEP);
	assert_int_equal(config.idle_after_us, 1000);
	assert_int_equal(config.seccomp, CONFIG_SECCOMP_DEFAULT);
	assert_int_equal(config.refresh_us, 4000);
	assert_int_equal(config.holdover_s, 3600);
	assert_string_equal(config.user, "");
	assert_string_equal(config.chrony_run_dir, "");
	assert_int_equal(config.nts.certificates, 0);
	assert_int_equal(config.nts.keys, 0);
	assert_string_equal(config.nts.dump_dir, "");
	assert_string_equal(config.nts.server, "");
	assert_int_equal(config.nts.port, 4460);
	assert_int_equal(config.nts.threads, 1);
	assert_int_equal(config.nts.connections, 1000);
	assert_int_equal(config.nts.rotate_s, 604800);
	assert_int_equal(config.nts.limited, 0);
	assert_false(CONFIG_NTS_IS_ON(&config));
}

static void interface_good(void **state)
{
	const uint8_t v4[16] = {[10] = 0xff, 0xff, 198, 51, 100, 10},
		      v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
	struct config config;
	const struct config_interface *i = config.interface;

	(void)state;
	good(&config,
		"interface eth0\n"
		"Interface eth1.100 QUEUES 64 driver AF_PACKET\n"
		"interface PCI:0000:AF:1f.7 queues 2 tap ntp0 address 198.51.100.10/24 address 2001:db8::1\n"
		"interface vdev:net_memif0,role=client,id=1 tap ntp1\n"
		"interface fifteen-letters driver af_xdp\n");
	assert_int_equal(config.interfaces, 5);
	assert_string_equal(i[0].name, "eth0");
	assert_int_equal(i[0].queues, 0);
	assert_int_equal(i[0].driver, CONFIG_DRIVER_AUTO);
	assert_string_equal(i[1].name, "eth1.100");
	assert_int_equal(i[1].queues, 64);
	assert_int_equal(i[1].driver, CONFIG_DRIVER_AF_PACKET);
	assert_string_equal(i[2].name, "pci:0000:af:1f.7");
	assert_string_equal(i[2].tap, "ntp0");
	assert_int_equal(i[2].addresses, 2);
	assert_memory_equal(i[2].address[0].address, v4, 16);
	assert_int_equal(i[2].address[0].prefix, 24);
	assert_false(i[2].address[0].ipv6);
	assert_memory_equal(i[2].address[1].address, v6, 16);
	assert_int_equal(i[2].address[1].prefix, 128);
	assert_true(i[2].address[1].ipv6);
	assert_string_equal(i[3].name, "vdev:net_memif0,role=client,id=1");
	assert_int_equal(i[4].driver, CONFIG_DRIVER_AF_XDP);
}

static void interface_names(void **state)
{
	static const char *const names[] = {"sixteen-letters-", "a/b", ".", "..", "a,b", "usb:1", "eth0:1",
		"\x80", "a[b", "pci:03:00.0", "pci:0000:03:00.8", "pci:0000:03:00.0,x=1", "pci:0000:0g:00.0",
		"pci:", "vdev:", "vdev:,a=b", "vdev:a b", "vdev:a\x01", "vdev:net/null"};
	char line[512];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(line, sizeof(line), "interface %s\n", names[i]);
		/* "vdev:a b" is a good name and an option that there is not. */
		bad(line, strchr(names[i], ' ') ? "expected queues, driver, tap or address"
						: "expected a kernel interface (1-15 printable");
	}
	memset(line, 'a', sizeof(line));
	memcpy(line, "interface vdev:a,", 17);
	line[10 + 256] = '\0';
	bad(line, "expected a name of at most 255 octets");
	memcpy(line, "interface vdev:aa", 17);
	line[15 + 64] = '\0';
	bad(line, "expected a kernel interface");
}

static void interface_bad(void **state)
{
	(void)state;
	bad("interface\n", "found no argument, expected `interface SPEC");
	bad("interface eth0 queue 2", "found \"queue\", expected queues, driver, tap or address");
	bad("interface eth0 queues", "found nothing, expected a value after `queues`");
	bad("interface eth0 queues 0", "expected a number of queues from 1 to 64");
	bad("interface eth0 queues 65", "expected a number of queues from 1 to 64");
	bad("interface eth0 queues 1 queues 1", "expected `queues` once");
	bad("interface eth0 driver dpdk", "found \"dpdk\", expected af_xdp or af_packet");
	bad("interface eth0 tap t", "expected it with pci: and vdev: only");
	bad("interface vdev:a driver af_xdp", "expected it with a kernel interface only");
	bad("interface vdev:a address 10.0.0.1", "expected it together with `tap`");
	bad("interface vdev:a tap a/b", "expected an interface name of 1-15");
	bad("interface vdev:a tap t address 10.0.0.1 address 10.0.0.1/8",
		"each address of an interface once");
	bad("interface vdev:a tap t address 10.0.0.1/33",
		"found \"33\", expected a prefix length from 1 to 32");
	bad("interface vdev:a tap t address fe80::1/129", "expected a prefix length from 1 to 128");
	bad("interface vdev:a tap t address 10.0.0.1/", "found \"\", expected a prefix length");
	bad("interface vdev:a tap t address 10.0.0", "expected a unicast IPv4 or IPv6 address");
	bad("interface vdev:a tap t"
	    " address 10.0.0.1 address 10.0.0.2 address 10.0.0.3 address 10.0.0.4 address 10.0.0.5"
	    " address 10.0.0.6 address 10.0.0.7 address 10.0.0.8 address 10.0.0.9",
		"found \"10.0.0.9\", expected at most 8");
}

static void interfaces_once(void **state)
{
	char text[1024] = "";
	size_t used = 0;
	struct config config;

	(void)state;
	bad("interface a\ninterface b\ninterface a queues 2", "found \"a\", expected each interface once");
	bad("interface pci:0000:af:00.0\ninterface pci:0000:AF:00.0", "each interface once");
	bad("interface vdev:n,a=1\ninterface vdev:n,a=2", "each interface once");
	good(&config, "interface vdev:n1\ninterface vdev:n11\ninterface n1\n");
	bad("interface vdev:a tap t\ninterface vdev:b tap t", "expected a TAP's name that no other");
	bad("interface t\ninterface vdev:b tap t", "expected a TAP's name that no other");
	bad("interface vdev:b tap t\ninterface t", "expected an interface that is not the TAP");
	for (int i = 0; i < CONFIG_INTERFACES; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "interface e%d\n", i);
	good(&config, text);
	assert_int_equal(config.interfaces, CONFIG_INTERFACES);
	snprintf(text + used, sizeof(text) - used, "interface f\n");
	bad(text, "found \"f\", expected at most 16 interfaces");
}

static void workers(void **state)
{
	struct config config;

	(void)state;
	good(&config, "workers 2-5,8,1023");
	assert_string_equal(config.workers, "2-5,8,1023");
	good(&config, "workers 0-63");
	bad("workers 0-64", "found \"0-64\", expected a list of at most 64 CPUs below 1024, as 2-5,8");
	bad("workers 5-2", "expected a list of at most 64 CPUs");
	bad("workers", "found no argument, expected `workers CPULIST`");
	bad("workers 1 2", "found \"2\" after the last argument, expected `workers CPULIST`");
}

static void cpu_lists(void **state)
{
	static const char *const bad_lists[] = {"", ",", "1,", ",1", "1,,2", "1-", "-1", "1-2-3", "2-1",
		"1024", "0-1024", "99999999999", "1 2", "a", "1,a", "0x1", "1--2"};
	uint64_t set[CPU_LIST_MAX / 64];

	(void)state;
	assert_true(cpu_list_parse("2-5,8", set));
	assert_int_equal(set[0], 0x13c);
	assert_int_equal(set[1], 0);
	assert_true(cpu_list_parse("63-64,1023,63", set));
	assert_true(set[0] == UINT64_C(1) << 63 && set[1] == 1 && set[15] == UINT64_C(1) << 63);
	assert_true(cpu_list_parse("0-1023", set));
	for (int i = 0; i < CPU_LIST_MAX / 64; i++)
		assert_true(set[i] == UINT64_MAX);
	for (size_t i = 0; i < sizeof(bad_lists) / sizeof(bad_lists[0]); i++) {
		if (cpu_list_parse(bad_lists[i], set))
			fail_msg("\"%s\" was accepted", bad_lists[i]);
	}
}

static void bindaddress(void **state)
{
	static const char *const addresses[] = {"0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "ff02::101",
		"::ffff:192.0.2.1", "fe80::1%eth0", "192.0.2.1/24", "ntp.example.org", "192.0.2", "1.2.3.4.5",
		"2001:db8:1:2:3:4:5:6:7", "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"};
	const uint8_t v4[16] = {[10] = 0xff, 0xff, 192, 0, 2, 10};
	struct config config;
	char text[4096] = "";
	size_t used = 0;

	(void)state;
	good(&config, "bindaddress 192.0.2.10\nbindaddress 2001:db8::10\nbindaddress 127.0.0.1\n");
	assert_int_equal(config.bind_addresses, 3);
	assert_memory_equal(config.bind_address[0].address, v4, 16);
	assert_true(config.bind_address[1].ipv6);
	assert_int_equal(config.bind_address[1].prefix, 128);
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		snprintf(text, sizeof(text), "bindaddress %s", addresses[i]);
		bad(text, "expected a unicast IPv4 or IPv6 address without prefix");
	}
	bad("bindaddress 192.0.2.1\nbindaddress 192.0.2.1", "expected each address once");
	for (int i = 1; i <= CONFIG_BIND_ADDRESSES; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "bindaddress 10.0.0.%d\n", i);
	good(&config, text);
	snprintf(text + used, sizeof(text) - used, "bindaddress 10.0.1.1\n");
	bad(text, "expected at most 64 addresses");
}

/* Every directive whose table says "integer": its default is config_init's, and its range is the parser's. */
static void integers_as_in_the_table(void **state)
{
	int integers = 0;
	char text[128], least[16], most[16];
	struct config initial, config;

	(void)state;
	config_init(&initial);
	for (size_t i = 0; i < directive_count; i++) {
		const struct directive *d = directives[i];
		long low, high;

		if (d->kind != DIRECTIVE_OURS || strcmp(d->type, "integer") != 0)
			continue;
		integers++;
		snprintf(text, sizeof(text), "%s %s", d->name, d->default_value);
		good(&config, text);
		assert_memory_equal(&config, &initial, sizeof(config));
		assert_int_equal(sscanf(d->range, "%15[0-9]-%15[0-9]", least, most), 2);
		low = atol(least);
		high = atol(most);
		for (int step = -1; step <= 1; step++) {
			char part[64];

			snprintf(part, sizeof(part), "from %ld to %ld", low, high);
			snprintf(text, sizeof(text), "%s %ld", d->name, low + step);
			step < 0 ? bad(text, part) : good(&config, text);
			snprintf(text, sizeof(text), "%s %ld", d->name, high + step);
			step > 0 ? bad(text, part) : good(&config, text);
		}
		for (const char *const *word =
				(const char *const[]){"1x", "0x1", "+1", "1.0", "-", "9999999999", NULL};
			*word; word++) {
			snprintf(text, sizeof(text), "%s %s", d->name, *word);
			bad(text, "expected");
		}
	}
	assert_int_equal(integers, 10);
}

static void nts_files(void **state)
{
	struct config config;
	char text[20 * 32] = "", path[300];

	(void)state;
	good(&config, "ntsservercert /a/1.pem\nntsserverkey /a/1.key\nntsserverkey /b/2.key\nNTSServerCert "
		      "/b/2.pem\n"
		      "ntsdumpdir /var/lib/x");
	assert_int_equal(config.nts.certificates, 2);
	assert_int_equal(config.nts.keys, 2);
	assert_string_equal(config.nts.certificate[0], "/a/1.pem");
	assert_string_equal(config.nts.key[0], "/a/1.key");
	assert_string_equal(config.nts.certificate[1], "/b/2.pem");
	assert_string_equal(config.nts.key[1], "/b/2.key");
	assert_string_equal(config.nts.dump_dir, "/var/lib/x");
	assert_true(CONFIG_NTS_IS_ON(&config));
	for (int i = 0; i < CONFIG_IDENTITIES; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "ntsservercert /%d\n", i);
	good(&config, text);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "ntsservercert /more\n");
	bad(text, "found \"/more\", expected at most 16 of them");
	bad("ntsservercert a.pem", "expected a file's absolute path of at most 255 printable octets");
	bad("ntsserverkey", "expected `ntsserverkey FILE`");
	bad("ntsserverkey /a /b", "found \"/b\" after the last argument");
	bad("ntsserverkey /a\x01", "printable");
	bad("ntsdumpdir x", "expected a directory's absolute path of at most 247");
	memset(path, 'd', sizeof(path));
	memcpy(path, "ntsdumpdir /", 12);
	path[11 + 247] = '\0';
	good(&config, path);
	path[11 + 247] = 'd';
	path[11 + 248] = '\0';
	bad(path, "at most 247");
}

static void nts_options(void **state)
{
	struct config config;

	(void)state;
	good(&config, "ntsprocesses 0\nntsport 14460\nmaxntsconnections 100000\nntsrotate 0\n"
		      "ntsntpserver ntp-1.example.net\nntsaeads 15");
	assert_int_equal(config.nts.threads, 1);
	assert_int_equal(config.nts.port, 14460);
	assert_int_equal(config.nts.connections, 100000);
	assert_int_equal(config.nts.rotate_s, 0);
	assert_string_equal(config.nts.server, "ntp-1.example.net");
	assert_int_equal(config.nts.gcm_siv, 0);
	good(&config, "ntsprocesses 64\nntsntpserver 2001:db8::1");
	assert_int_equal(config.nts.threads, 64);
	bad("ntsntpserver a/b", "expected a host name or an address");
	bad("ntsntpserver \xc3\xa4", "expected a host name or an address");
	assert_int_equal(config.nts.gcm_siv, 1);
	good(&config, "ntsaeads 15 30");
	assert_int_equal(config.nts.gcm_siv, 1);
	good(&config, "ntsaeads 30 15 30");
	assert_int_equal(config.nts.gcm_siv, 1);
	warned(&config, "ntsaeads 30 17 15", "ntsaeads: AEAD 17 has no effect: 15 (AES-SIV-CMAC-256) and 30");
	assert_int_equal(config.nts.gcm_siv, 1);
	warned(&config, "ntsaeads 17 15", "ntsaeads: AEAD 17 has no effect");
	assert_int_equal(config.nts.gcm_siv, 0);
	bad("ntsaeads 30", "expected 15 (AES-SIV-CMAC-256) among them");
	bad("ntsaeads", "expected `ntsaeads ID...`");
	bad("ntsaeads 15 x", "expected the number of an AEAD from 1 to 65535");
}

static void nts_ratelimit(void **state)
{
	struct config config;

	(void)state;
	good(&config, "ntsratelimit");
	assert_int_equal(config.nts.limited, 1);
	assert_int_equal(config.nts.interval, 6);
	assert_int_equal(config.nts.burst, 8);
	assert_int_equal(config.nts.leak, 2);
	good(&config, "ntsratelimit leak 4 interval -19 burst 255");
	assert_int_equal(config.nts.interval, -19);
	assert_int_equal(config.nts.burst, 255);
	assert_int_equal(config.nts.leak, 4);
	good(&config, "ntsratelimit interval 12 burst 1 leak 1");
	bad("ntsratelimit interval 13", "from -19 to 12");
	bad("ntsratelimit interval -20", "from -19 to 12");
	bad("ntsratelimit interval --1", "from -19 to 12");
	bad("ntsratelimit burst 0", "from 1 to 255");
	bad("ntsratelimit burst -1", "from 1 to 255");
	bad("ntsratelimit leak 5", "from 1 to 4");
	bad("ntsratelimit leak", "found nothing, expected a value after `leak`");
	bad("ntsratelimit rate 1", "expected interval, burst or leak");
}

/* What the parts of NTS must have of one another. */
static void nts_whole(void **state)
{
	static const char cert[] = "interface e\nntsservercert /c\n",
			  pair[] = "interface e\nntsservercert /c\nntsserverkey /k\n";
	static const struct {
		const char *text, *more, *says;
		bool good, on;
	} row[] = {
		{cert, "", "found 1 `ntsservercert` and 0 `ntsserverkey`", false, true},
		{pair, "ntsserverkey /k2", "found 1 `ntsservercert` and 2 `ntsserverkey`", false, true},
		{pair, "ntsdumpdir /d", NULL, true, true},
		{pair, "", "not kept without `ntsdumpdir`", true, true},
		{pair, "ntsrotate 0", "found `ntsrotate 0` without `ntsdumpdir`", false, true},
		{"interface e\n", "ntsrotate 0", "found `ntsrotate 0` without `ntsdumpdir`", false, false},
		{"interface e\n", "ntsrotate 0\nntsdumpdir /d", NULL, true, true},
		/* As in distributions' chrony.conf. */
		{"interface e\n", "ntsdumpdir /d", "ntsdumpdir has no effect: NTS is off", true, false},
	};
	struct config config;
	static struct log log;
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		snprintf(text, sizeof(text), "%s%s", row[i].text, row[i].more);
		assert_true(parse(&config, &log, text));
		assert_int_equal(config_finish(&config, record, &log), row[i].good);
		assert_int_equal(CONFIG_NTS_IS_ON(&config), row[i].on);
		if (row[i].says)
			assert_says(&log, 0, 0, row[i].says);
		else
			assert_int_equal(log.messages, 0);
	}
}

static void integers_set_their_members(void **state)
{
	struct config config;

	(void)state;
	good(&config, "port 65535\nminpoll 17\nclockrefresh 1000\nholdover 604800\n");
	assert_int_equal(config.port, 65535);
	assert_int_equal(config.min_poll, 17);
	assert_int_equal(config.refresh_us, 1000);
	assert_int_equal(config.holdover_s, 604800);
}

static void local(void **state)
{
	struct config config;

	(void)state;
	good(&config, "local");
	assert_int_equal(config.local_stratum, 10);
	good(&config, "local Stratum 1");
	assert_int_equal(config.local_stratum, 1);
	good(&config, "local stratum 15");
	warned(&config, "local stratum 8 orphan", "local: option `orphan` has no effect");
	assert_int_equal(config.local_stratum, 8);
	warned(&config, "local distance 0.1", "`distance` has no effect");
	assert_int_equal(config.local_stratum, 10);
	warned(&config, "local activate .5 stratum 3", "`activate` has no effect");
	assert_int_equal(config.local_stratum, 3);
	warned(&config, "local waitsynced 300", "`waitsynced` has no effect");
	warned(&config, "local waitunsynced 3.", "`waitunsynced` has no effect");
	bad("local stratum 0", "expected a stratum from 1 to 15");
	bad("local stratum 16", "expected a stratum from 1 to 15");
	bad("local stratum", "found nothing, expected an integer after `stratum`");
	bad("local distance", "found nothing, expected seconds after `distance`");
	bad("local distance .", "found \".\", expected seconds after `distance`");
	bad("local activate -1", "expected seconds after `activate`");
	bad("local 10", "found \"10\", expected stratum, orphan, distance");
}

static void choices(void **state)
{
	struct config config;

	(void)state;
	good(&config, "hugepages yes");
	assert_int_equal(config.huge_pages, CONFIG_YES);
	good(&config, "hugepages NO");
	assert_int_equal(config.huge_pages, CONFIG_NO);
	good(&config, "hugepages auto");
	assert_int_equal(config.huge_pages, CONFIG_AUTO);
	bad("hugepages on", "hugepages: found \"on\", expected auto, yes or no");
	bad("hugepages", "expected `hugepages auto|yes|no`");
	bad("hugepages yes no", "found \"no\" after the last argument");
	good(&config, "aeadbackend vaes256");
	assert_int_equal(config.aead_backend, CONFIG_AEAD_VAES256);
	bad("aeadbackend gpu",
		"aeadbackend: found \"gpu\", expected auto, vaes512, vaes256, aesni or openssl");
	good(&config, "packetlane generic");
	assert_int_equal(config.packet_lane, CONFIG_PACKET_LANE_GENERIC);
	good(&config, "packetlane AVX512");
	assert_int_equal(config.packet_lane, CONFIG_PACKET_LANE_AVX512);
	bad("packetlane gpu", "packetlane: found \"gpu\", expected auto, avx512 or generic");
	good(&config, "seccomp errno");
	assert_int_equal(config.seccomp, CONFIG_SECCOMP_ERRNO);
	good(&config, "seccomp off");
	assert_int_equal(config.seccomp, CONFIG_SECCOMP_OFF);
	good(&config, "seccomp kill");
	assert_int_equal(config.seccomp, CONFIG_SECCOMP_KILL);
	bad("seccomp yes", "expected kill, errno or off");
}

static void idle(void **state)
{
	struct config config;

	(void)state;
	good(&config, "idle poll");
	assert_int_equal(config.idle, CONFIG_IDLE_POLL);
	good(&config, "idle sleep");
	assert_int_equal(config.idle, CONFIG_IDLE_SLEEP);
	assert_int_equal(config.idle_after_us, CONFIG_IDLE_AFTER_US);
	good(&config, "idle sleep after 10");
	assert_int_equal(config.idle_after_us, 10);
	good(&config, "idle sleep after 1000000");
	bad("idle sleep after 9", "expected microseconds from 10 to 1000000");
	bad("idle sleep after 1000001", "expected microseconds from 10 to 1000000");
	bad("idle sleep after", "found nothing, expected microseconds after `after`");
	bad("idle sleep 10", "found \"10\", expected after");
	bad("idle poll after 10", "expected nothing after `poll`");
	bad("idle wait", "expected sleep or poll");
	bad("idle sleep after 10 us", "found \"us\" after the last argument");
}

static void user_and_directory(void **state)
{
	struct config config;
	char text[400];

	(void)state;
	good(&config, "user _ntp-server.1\nchronyrundir /run/chrony");
	assert_string_equal(config.user, "_ntp-server.1");
	assert_string_equal(config.chrony_run_dir, "/run/chrony");
	good(&config, "user abcdefghijklmnopqrstuvwxyz012345");
	bad("user abcdefghijklmnopqrstuvwxyz0123456", "expected a user's name: 1-32 letters");
	bad("user -x", "expected a user's name");
	bad("user 1000", "not a number");
	bad("user a:b", "expected a user's name");
	bad("user a b", "found \"b\" after the last argument, expected `user NAME`");
	bad("chronyrundir run/chrony", "expected a directory's absolute path");
	memset(text, 'd', sizeof(text));
	memcpy(text, "chronyrundir /", 14);
	text[13 + 256] = '\0';
	bad(text, "of at most 255 octets");
	text[13 + 255] = '\0';
	good(&config, text);
}

static void duplicates(void **state)
{
	(void)state;
	for (size_t i = 0; i < directive_count; i++) {
		const struct directive *d = directives[i];
		char text[256], part[128];

		if (d->kind != DIRECTIVE_OURS || d->repeatable)
			continue;
		snprintf(part, sizeof(part),
			"%s: found a second one, expected it once; the first is in line 2", d->name);
		/* Where the first is bad that is one error more. */
		if (strcmp(d->type, "integer") == 0) {
			snprintf(text, sizeof(text), "\n%s %s\n\n%s %s\n", d->name, d->default_value, d->name,
				d->default_value);
			bad(text, part);
		}
	}
	bad("\nlocal\nlocal stratum 3", "the first is in line 2");
	bad("idle poll\nhugepages no\nIDLE sleep", "the first is in line 1");
}

static void chrony_directives(void **state)
{
	struct config config, initial;
	char line[64], part[64];
	int count = 0;

	(void)state;
	config_init(&initial);
	for (size_t i = 0; i < directive_count; i++) {
		const struct directive *d = directives[i];

		if (d->kind == DIRECTIVE_OURS)
			continue;
		count++;
		snprintf(line, sizeof(line), "%s a 1", d->name);
		if (d->kind == DIRECTIVE_REFUSED) {
			snprintf(part, sizeof(part), "%s is refused: ", d->name);
			bad(line, part);
			continue;
		}
		snprintf(part, sizeof(part), "%s has no effect: ", d->name);
		warned(&config, line, part);
		assert_memory_equal(&config, &initial, sizeof(config));
	}
	assert_true(count > 70);
	warned(&config, "allow 192.0.2.0/24", "ACCESS IS NOT RESTRICTED");
	warned(&config, "ratelimit interval 1", "RATES ARE NOT LIMITED");
	bad("deny all", "access is not restricted by tickwire, so the clients denied would be answered");
	bad("include /etc/x.conf", "no other files are read");
}

static void table_is_well_formed(void **state)
{
	(void)state;
	assert_true(directive_count <= DIRECTIVES_MAX);
	for (size_t i = 0; i < directive_count; i++) {
		const struct directive *d = directives[i];

		assert_ptr_equal(directive_find(d->name), d);
		assert_int_equal(strspn(d->name, "abcdefghijklmnopqrstuvwxyz_"), strlen(d->name));
		assert_non_null(d->help);
		assert_non_null(d->origin);
		if (d->kind != DIRECTIVE_OURS) {
			/* Nothing of a warning may be cut off. */
			assert_true(strlen(d->name) + strlen(d->help) + 20 <
				    sizeof(((struct config_message *)NULL)->text));
			continue;
		}
		assert_non_null(d->apply);
		assert_non_null(d->arguments);
		assert_non_null(d->type);
		assert_non_null(d->default_value);
		assert_non_null(d->range);
		assert_true(strcmp(d->applied, APPLIED_BY_RELOAD) == 0 ||
			    strcmp(d->applied, APPLIED_BY_CLOCK_RESTART) == 0 ||
			    strcmp(d->applied, APPLIED_BY_KE_RESTART) == 0 ||
			    strcmp(d->applied, APPLIED_BY_RESTART) == 0);
		assert_true(d->member[0].size > 0);
	}
}

static void unknown_directives(void **state)
{
	(void)state;
	bad("prot 123", "found \"prot\", which is no directive; did you mean `port`?");
	bad("interfcae eth0", "did you mean `interface`?");
	bad("clock-refresh 1", "did you mean `clockrefresh`?");
	bad("xyzzy", "found \"xyzzy\", expected a directive of tickwire or chrony");
	bad("x", "found \"x\", expected a directive");
	bad("\xef\xbb\xbfport 123", "found \"\\xef\\xbb\\xbfport\", ");
	bad("\"port\" 123", "found \"\\x22port\\x22\"");
	assert_null(directive_suggest(""));
	assert_null(directive_suggest("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	assert_string_equal(directive_suggest("HOLDOVRE"), "holdover");
	assert_null(directive_find("por"));
}

static void lines(void **state)
{
	struct config config;
	static struct log log;
	char line[CONFIG_LINE + 16];

	(void)state;
	good(&config, "! port x\n; port x\n\t # port x\n%port x\n\n  \t\nport\t 42 \f# 43 44\r\nlocal #");
	assert_int_equal(config.port, 42);
	good(&config, "interface eth0\r\nport 99\r\n");
	assert_int_equal(config.port, 99);
	assert_string_equal(config.interface[0].name, "eth0");
	good(&config, "port 99");
	bad("port 12 ! 3", "found \"!\" after the last argument");
	memset(line, ' ', sizeof(line));
	memcpy(line, "port 77", 7);
	line[CONFIG_LINE - 1] = '\0';
	good(&config, line);
	assert_int_equal(config.port, 77);
	line[CONFIG_LINE - 1] = ' ';
	line[CONFIG_LINE] = '\0';
	bad(line, "found a line of 2048 octets, expected at most 2047");
	/* A line is passed over as a whole, and the next is looked at. */
	memset(&log, 0, sizeof(log));
	config_init(&config);
	assert_false(config_parse(&config, "port 1\0\nport 2\nport 3", 20, record, &log));
	assert_int_equal(log.messages, 2);
	assert_says(&log, 0, 1, "found an octet of value 0, expected text");
	assert_says(&log, 1, 3, "the first is in line 2");
	assert_int_equal(config.port, 2);
}

static void every_line_is_looked_at(void **state)
{
	struct config config;
	static struct log log;

	(void)state;
	assert_false(parse(&config, &log, "port x\nserver a\nprot 1\n\nminpoll 99\nholdover 60\n"));
	assert_int_equal(log.messages, 4);
	assert_int_equal(log.errors, 3);
	assert_says(&log, 0, 1, "port: found \"x\", expected a port from 1 to 65535");
	assert_says(&log, 1, 2, "server has no effect");
	assert_says(&log, 2, 3, "did you mean");
	assert_says(&log, 3, 5, "minpoll: found \"99\"");
	assert_int_equal(config.holdover_s, 60);
	/* Nobody has to listen. */
	assert_false(config_parse(&config, "x", 1, NULL, NULL));
}

static void long_words_are_shortened(void **state)
{
	char text[1024];

	(void)state;
	memset(text, '\x01', sizeof(text));
	memcpy(text, "port ", 5);
	text[sizeof(text) - 1] = '\0';
	bad(text, "\\x01\\x01...\", expected a port from 1 to 65535");
	text[5 + 3] = '\0';
	bad(text, "found \"\\x01\\x01\\x01\", expected");
	bad("port aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"aaa...\", expected");
}

static void command_line(void **state)
{
	struct config config;
	static struct log log;

	(void)state;
	assert_true(parse(&config, &log, "interface eth0\nport 99\n"));
	assert_true(config_directive(&config, "port 88", record, &log));
	assert_true(config_directive(&config, "interface eth1", record, &log));
	assert_int_equal(log.messages, 0);
	assert_int_equal(config.port, 88);
	assert_int_equal(config.interfaces, 2);
	assert_false(config_directive(&config, "interface eth0", record, &log));
	assert_says(&log, 0, 0, "each interface once");
}

/* The error of a file that is good line by line. */
static void whole_is_bad(const char *text, int line, const char *part)
{
	struct config config;
	static struct log log;

	assert_true(parse(&config, &log, text));
	memset(&log, 0, sizeof(log));
	assert_false(config_finish(&config, record, &log));
	assert_int_equal(log.errors, 1);
	assert_says(&log, 0, line, part);
}

static void clock_whole(void **state)
{
	struct config config;
	static struct log log;

	(void)state;
	assert_true(parse(&config, &log,
		"interface a\nrefclock PPS /dev/pps0 lock GPS\nrefclock SHM 0 refid GPS\nlogdir /l\nlog "
		"refclocks\nrefclock PHC /dev/ptp0 tai\nleapseclist /l\nminsources 3\n"));
	assert_true(config_finish(&config, record, &log));
	assert_int_equal(log.messages, 0);
	whole_is_bad("interface a\n\nrefclock PPS /dev/pps0 lock GPS\nrefclock SHM 0\n", 3,
		"refclock: found `lock GPS`, expected the reference ID of another refclock");
	whole_is_bad("interface a\nrefclock PPS /dev/pps0 refid GPS lock GPS\n", 2, "found `lock GPS`");
	whole_is_bad("interface a\nrefclock PHC /dev/ptp0 tai\n", 2, "found option `tai` without");
	whole_is_bad("interface a\nrefclock SHM 0\nlog tracking\n", 0, "found `log` without `logdir`");
	whole_is_bad("interface a\nrefclock SHM 0\nminsources 2\n", 0,
		"found `minsources 2` and 1 `refclock`, expected as many");
	/* Debian's chrony.conf names a drift file. */
	assert_true(parse(&config, &log, "interface a\ndriftfile /d\nmakestep 1 3\n"));
	assert_true(config_finish(&config, record, &log));
	assert_says(&log, 0, 0, "driftfile, makestep have no effect without `refclock`");
	assert_true(parse(&config, &log, "interface a\nsteer_kernel yes\n"));
	assert_true(config_finish(&config, record, &log));
	assert_says(&log, 0, 0, "steer_kernel has no effect without `refclock`");
	/* Nothing of all that may be taken for granted. */
	assert_true(parse(&config, &log,
		"interface a\ndriftfile /d\nlogdir /l\nlog tracking\nleapsectz right/UTC\nleapseclist /x\n"
		"leapsmear linear\nmakestep 1 3\nmaxslewrate 100\nclockwander 0.1\nserving silent 5\n"
		"crosscheck unsynchronised\ntemperature /t\nsteer_kernel yes\n"));
	assert_true(config_finish(&config, record, &log));
	assert_says(&log, 0, 0,
		"driftfile, log, leapsectz, leapseclist, leapsmear, makestep, maxslewrate, clockwander, "
		"serving, "
		"crosscheck, temperature, steer_kernel have no effect without `refclock`");
}

static void whole(void **state)
{
	struct config config;
	static struct log log;

	(void)state;
	assert_true(parse(&config, &log, "port 99\n"));
	assert_false(config_finish(&config, record, &log));
	assert_says(&log, 0, 0, "found no interface, expected at least one");
	assert_true(parse(&config, &log, "interface eth0\n"));
	assert_true(config_finish(&config, record, &log));
	assert_int_equal(log.messages, 0);
}

static void changes(void **state)
{
	static const char base[] = "interface eth0\nworkers 2\n";
	static const struct {
		const char *text, *restart, *clock, *reload, *ke;
	} row[] = {
		{"interface eth0\nworkers 2\n", "", "", "", ""},
		{"interface eth0 queues 2\nworkers 2\n", "interface", "", "", ""},
		{"interface eth0\ninterface eth1\nworkers 2\n", "interface", "", "", ""},
		{"interface eth0\nworkers 3\nport 99\n", "workers", "", "port", ""},
		{"interface eth0\nworkers 2\nbindaddress ::1\nminpoll 3\n", "", "", "bindaddress, minpoll",
			""},
		{"interface eth0\nworkers 2\nntsport 5\nntsprocesses 2\nmaxntsconnections "
		 "5\nntsratelimit\nntsrotate 9\n"
		 "ntsntpserver a\nntsservercert /a\nntsserverkey /b\nntsdumpdir /c\nntsaeads 15\n",
			"", "", "ntsservercert, ntsserverkey, ntsdumpdir",
			"ntsport, ntsprocesses, maxntsconnections, ntsratelimit, ntsrotate, ntsntpserver, "
			"ntsaeads"},
		{"interface eth0\nworkers 2\nlocal\nholdover 9\nclockrefresh 1000\nchronyrundir /x\n", "",
			"local, clockrefresh, holdover, chronyrundir", "", ""},
		{"interface eth0\nworkers 2\nrefclock SHM 0\nserving silent 5\nhealthfile /h\nlog "
		 "tracking\n",
			"", "refclock, log, serving", "healthfile", ""},
		{"interface eth0\nworkers 2\nmetrics off\n", "", "", "metrics", ""},
		{"interface eth0\nworkers 2\nmetrics 127.0.0.1:9123\n", "", "", "", ""},
		{"interface eth0\nworkers 2\nidle sleep after 20\nseccomp off\nhugepages no\nuser ntp\n",
			"hugepages, idle, seccomp, user", "", "", ""},
		{"interface eth0\nidle sleep after 1000\nport 123\n", "workers", "", "", ""},
	};
	struct config old, new;
	char names[256];

	(void)state;
	good(&old, base);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		good(&new, row[i].text);
		config_restart_needed(&old, &new, names, sizeof(names));
		assert_string_equal(names, row[i].restart);
		config_changed(&old, &new, APPLIED_BY_CLOCK_RESTART, names, sizeof(names));
		assert_string_equal(names, row[i].clock);
		config_changed(&old, &new, APPLIED_BY_RELOAD, names, sizeof(names));
		assert_string_equal(names, row[i].reload);
		config_changed(&old, &new, APPLIED_BY_KE_RESTART, names, sizeof(names));
		assert_string_equal(names, row[i].ke);
	}
	good(&new, "workers 3\nport 99");
	config_restart_needed(&old, &new, names, 12);
	assert_string_equal(names, "interface, ");
}

static bool is_member(size_t octet)
{
	for (size_t i = 0; i < directive_count; i++) {
		for (int m = 0; m < DIRECTIVE_MEMBERS; m++) {
			struct directive_member member = directives[i]->member[m];

			if (octet >= member.offset && octet < (size_t)member.offset + member.size)
				return true;
		}
	}
	return false;
}

/* Where a directive stands in its file is no setting. */
static bool is_line(size_t octet)
{
	const size_t lines = offsetof(struct config, clock.source_line);

	return octet >= offsetof(struct config, line) ||
	       (octet >= lines && octet < lines + sizeof(((struct config *)NULL)->clock.source_line));
}

/* No member of struct config is forgotten by the table: what it does not cover is padding, which is never
 * more than 7. */
static void changes_cover_the_struct(void **state)
{
	size_t gap = 0;

	(void)state;
	for (size_t octet = 0; octet < sizeof(struct config); octet++) {
		gap = is_member(octet) || is_line(octet) ? 0 : gap + 1;
		assert_true(gap < 8);
	}
}

static void write_file(char *path, const char *text, size_t size)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, size), size);
	close(fd);
}

static void files(void **state)
{
	char path[] = "/tmp/tickwire-test-config-XXXXXX", large[] = "/tmp/tickwire-test-config-XXXXXX";
	char *text = malloc(CONFIG_FILE + 1);
	struct config config;
	static struct log log;

	(void)state;
	assert_non_null(text);
	write_file(path, "interface eth0\nport 99\n", 23);
	config_init(&config);
	assert_true(config_load(&config, path, record, &log));
	assert_int_equal(config.port, 99);
	unlink(path);
	assert_false(config_load(&config, path, record, &log));
	assert_says(&log, 0, 0, "cannot be read: No such file or directory; expected a configuration file");
	assert_false(config_load(&config, "/tmp", record, &log));
	assert_says(&log, 1, 0, "cannot be read: Is a directory");
	memset(text, '\n', CONFIG_FILE + 1);
	write_file(large, text, CONFIG_FILE + 1);
	assert_false(config_load(&config, large, record, &log));
	assert_says(&log, 2, 0, "found more than 1048576 octets");
	assert_int_equal(truncate(large, CONFIG_FILE), 0);
	assert_true(config_load(&config, large, record, &log));
	unlink(large);
	free(text);
}

static int check(const char *first, const char *second, const char *third)
{
	char command[] = "check", words[3][256] = {""};
	char *argv[] = {command, words[0], words[1], words[2], NULL};
	int argc = 1;

	for (const char *const *word = (const char *const[]){first, second, third, NULL}; *word; word++)
		snprintf(words[argc++ - 1], sizeof(words[0]), "%s", *word);
	argv[argc] = NULL;
	return check_main(argc, argv);
}

/* What check_main wrote to a stream, in text[size]; the stream is as before. */
static void captured(FILE *stream, int saved, const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");

	fflush(stream);
	dup2(saved, fileno(stream));
	close(saved);
	assert_non_null(file);
	text[fread(text, 1, size - 1, file)] = '\0';
	fclose(file);
	unlink(path);
}

static int capture(FILE *stream, char *path)
{
	int saved, fd = mkstemp(path);

	fflush(stream);
	saved = dup(fileno(stream));
	assert_true(fd >= 0 && saved >= 0);
	dup2(fd, fileno(stream));
	close(fd);
	return saved;
}

static void check_command(void **state)
{
	char file[] = "/tmp/tickwire-test-check-XXXXXX", out[] = "/tmp/tickwire-test-out-XXXXXX",
	     err[] = "/tmp/tickwire-test-err-XXXXXX";
	char text[8192], expected[256];
	int saved_out, saved_err, status[8];

	(void)state;
	write_file(file, "port 99\nserver a\n", 17);
	saved_out = capture(stdout, out);
	saved_err = capture(stderr, err);
	status[0] = check("--interface", "eth0", file);
	status[1] = check(file, NULL, NULL);
	status[2] = check(NULL, NULL, NULL);
	status[3] = check(file, file, NULL);
	status[4] = check("--what", NULL, NULL);
	status[5] = check("--interface", "a/b", file);
	status[6] = check("/nonexistent", NULL, NULL);
	status[7] = check("--help", NULL, NULL);
	captured(stdout, saved_out, out, text, sizeof(text));
	assert_int_equal(status[0], 0);
	snprintf(expected, sizeof(expected), "%s: good, with 1 warning\n", file);
	assert_memory_equal(text, expected, strlen(expected));
	assert_non_null(strstr(text, "usage: tickwire check [--interface IF]... FILE\n"));
	captured(stderr, saved_err, err, text, sizeof(text));
	unlink(file);
	snprintf(expected, sizeof(expected), "%s:2: warning: server has no effect: ", file);
	assert_memory_equal(text, expected, strlen(expected));
	snprintf(expected, sizeof(expected), "%s: error: found no interface", file);
	assert_non_null(strstr(text, expected));
	assert_non_null(strstr(text, "--interface: error: interface: found \"a/b\""));
	assert_non_null(strstr(text, "/nonexistent: error: cannot be read"));
	assert_int_equal(status[1], 1);
	assert_int_equal(status[2], 2);
	assert_int_equal(status[3], 2);
	assert_int_equal(status[4], 2);
	assert_int_equal(status[5], 1);
	assert_int_equal(status[6], 1);
	assert_int_equal(status[7], 0);
}

/* The example of the reference page is a good file, and the page has every directive. */
static void reference_page(void **state)
{
	char *page = NULL, *start, *end, name[64];
	size_t size = 0;
	FILE *out = open_memstream(&page, &size);
	struct config config;

	(void)state;
	assert_non_null(out);
	directive_print_markdown(out);
	fclose(out);
	for (size_t i = 0; i < directive_count; i++) {
		snprintf(name, sizeof(name),
			directives[i]->kind == DIRECTIVE_OURS ? "\n### %s\n" : "\n| `%s` | ",
			directives[i]->name);
		assert_non_null(strstr(page, name));
	}
	start = strstr(page, "```conf\n");
	assert_non_null(start);
	start += 8;
	end = strstr(start, "```");
	assert_non_null(end);
	*end = '\0';
	good(&config, start);
	assert_int_equal(config.interfaces, 2);
	free(page);
}

static const char mutated[] =
	"# mutated\n"
	"interface eth0 queues 4 driver af_xdp\n"
	"interface pci:0000:03:00.0 queues 8 tap ntp0 address 198.51.100.10/24 address 2001:db8:1::10/64\n"
	"interface vdev:net_memif0,role=client tap ntp1 address 10.0.0.1\n"
	"workers 2-5,8\n"
	"bindaddress 192.0.2.10\n"
	"bindaddress 2001:db8::10\r\n"
	"port 1123\n"
	"minpoll 4\n"
	"local stratum 8\n"
	"hugepages no # none\n"
	"aeadbackend aesni\n"
	"packetlane generic\n"
	"idle sleep after 500\n"
	"seccomp errno\n"
	"clockrefresh 2000\n"
	"holdover 1800\n"
	"user ntpserver\n"
	"chronyrundir /run/chrony\n"
	"refclock PPS /dev/pps0:clear lock NMEA poll 2 dpoll -1 delay 1e-6 prefer trust\n"
	"refclock NMEA /dev/ttyS0:9600 refid NMEA offset 0.14 noselect\nrefclock GPSD\n"
	"driftfile /d interval 60\nlogdir /l\nlog tracking\nlogbanner 7\nleapsectz right/UTC\n"
	"leapsmear cosine 43200\nmakestep 0.5 -1\nserving raised 0.01 silent 5\ncrosscheck warn 0.1\n"
	"ntsservercert /etc/c.pem\nntsserverkey /etc/k.pem\nntsratelimit interval -3 burst 4\nntsaeads 30 "
	"15\n"
	"ntsdumpdir /var/lib/t\nntsrotate 0\nntsntpserver a.example\nmaxntsconnections 5\nntsprocesses 2\n"
	"metrics [2001:db8::1]:9100\n"
	"allow 192.0.2.0/24\n";

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Change, cut out or double some octets. */
static size_t mutate(char *text, size_t size, size_t room, uint64_t *seed)
{
	for (uint64_t n = 1 + next_random(seed) % 4; n > 0 && size > 1; n--) {
		size_t at = next_random(seed) % size, length = 1 + next_random(seed) % 16;

		if (length > size - at)
			length = size - at;
		switch (next_random(seed) % 4) {
		case 0:
			text[at] = (char)next_random(seed);
			break;
		case 1:
			text[at] = " \n#0-/:,9"[next_random(seed) % 9];
			break;
		case 2:
			memmove(text + at, text + at + length, size - at - length);
			size -= length;
			break;
		default:
			if (size + length > room)
				break;
			memmove(text + at + length, text + at, size - at);
			size += length;
		}
	}
	return size;
}

static void mutations(void **state)
{
	static struct log first, second;
	struct config config, twin;
	uint64_t seed = UINT64_C(0x74696b77697265);
	int accepted = 0;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		char text[sizeof(mutated) + 64], *copy;
		size_t size = sizeof(mutated) - 1;
		bool is_good;

		memcpy(text, mutated, size);
		size = mutate(text, size, sizeof(text), &seed);
		/* A block of the exact size, for the address sanitizer. */
		copy = malloc(size);
		assert_non_null(copy);
		memcpy(copy, text, size);
		memset(&first, 0, sizeof(first));
		memset(&second, 0, sizeof(second));
		config_init(&config);
		config_init(&twin);
		is_good = config_parse(&config, copy, size, record, &first);
		assert_int_equal(is_good, first.errors == 0);
		assert_int_equal(config_parse(&twin, copy, size, record, &second), is_good);
		assert_memory_equal(&first, &second, sizeof(first));
		for (int m = 0; m < first.messages; m++)
			assert_true(first.message[m].line > 0 && first.message[m].text[0]);
		if (is_good)
			assert_memory_equal(&config, &twin, sizeof(config));
		accepted += is_good;
		free(copy);
	}
	/* Many a mutation is in a comment or makes another good value, and most are noticed. */
	assert_in_range(accepted, 100, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(interface_good),
		cmocka_unit_test(interface_names),
		cmocka_unit_test(interface_bad),
		cmocka_unit_test(interfaces_once),
		cmocka_unit_test(workers),
		cmocka_unit_test(cpu_lists),
		cmocka_unit_test(bindaddress),
		cmocka_unit_test(integers_as_in_the_table),
		cmocka_unit_test(nts_files),
		cmocka_unit_test(nts_options),
		cmocka_unit_test(nts_ratelimit),
		cmocka_unit_test(nts_whole),
		cmocka_unit_test(integers_set_their_members),
		cmocka_unit_test(local),
		cmocka_unit_test(choices),
		cmocka_unit_test(idle),
		cmocka_unit_test(user_and_directory),
		cmocka_unit_test(duplicates),
		cmocka_unit_test(chrony_directives),
		cmocka_unit_test(table_is_well_formed),
		cmocka_unit_test(unknown_directives),
		cmocka_unit_test(lines),
		cmocka_unit_test(every_line_is_looked_at),
		cmocka_unit_test(long_words_are_shortened),
		cmocka_unit_test(command_line),
		cmocka_unit_test(clock_whole),
		cmocka_unit_test(whole),
		cmocka_unit_test(changes),
		cmocka_unit_test(changes_cover_the_struct),
		cmocka_unit_test(files),
		cmocka_unit_test(check_command),
		cmocka_unit_test(reference_page),
		cmocka_unit_test(mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
