/* docs/configuration.md out of the table. */
#include "control/directive.h"

static const char introduction[] =
	"# Configuration\n"
	"\n"
	"This page is made from the table of directives that the parser uses (`control/directive.c`); a test "
	"holds it to that.\n"
	"To change it, change the table and run `ninja -C build configuration-page`.\n"
	"\n"
	"## The file\n"
	"\n"
	"`tickwire run -c FILE` reads it; `tickwire run --interface eth0` needs none. The format is that of "
	"`chrony.conf`:\n"
	"\n"
	"- A line holds one directive and its arguments, separated by blanks. Names and keywords may be "
	"written in any case.\n"
	"- A line whose first character is one of `!`, `;`, `#`, `%` is a comment. So is the rest of a line "
	"from a word on that\n"
	"  begins with `#`.\n"
	"- A line has at most 2047 octets and its end, LF or CR LF; a file has at most 1 MiB. There are no "
	"quotes.\n"
	"- A directive that is not said below to be repeatable stands once in a file; a second one is an "
	"error.\n"
	"- An unknown directive and a value out of range are errors that name the line, what was found and "
	"what was expected.\n"
	"- Directives of chrony without a meaning here are warnings that say what follows from it. Those "
	"that would be unsafe to\n"
	"  ignore are errors.\n"
	"\n"
	"`tickwire check FILE` looks a file over without starting anything: it prints `FILE:LINE: error: "
	"...` and\n"
	"`FILE:LINE: warning: ...` and exits with 0 for a good file, 1 for a bad one and 2 for a wrong "
	"call. Files and\n"
	"interfaces that it names are not looked for.\n"
	"\n"
	"## How a change is applied\n"
	"\n"
	"`tickwire reload`, or SIGHUP to `tickwire run`, reads the file again. A bad file leaves everything "
	"as it is. Each\n"
	"directive below says how a changed value takes effect:\n"
	"\n"
	"- **reload**: at once, without losing a packet;\n"
	"- **clock restart**: on a reload, too; the supervisor starts the clock daemon again while the "
	"workers go on with the\n"
	"  timebase they have;\n"
	"- **key establishment restart**: on a reload, too; the workers go on with the keys they have, and "
	"clients "
	"that are\n"
	"  establishing keys at that moment do so again;\n"
	"- **restart**: when `tickwire run` is started again; until then a reload names it and keeps the old "
	"value.\n"
	"\n"
	"## Example\n"
	"\n"
	"```conf\n"
	"# A server in front of the chronyd that keeps this host's clock.\n"
	"interface eth0 queues 4\n"
	"workers 2-5\n"
	"bindaddress 192.0.2.10\n"
	"bindaddress 2001:db8::10\n"
	"idle poll           # all requests are met at once\n"
	"holdover 1800\n"
	"\n"
	"# Authenticated time: key establishment on TCP port 4460, with the certificate that certbot keeps.\n"
	"ntsservercert /etc/letsencrypt/live/ntp.example.net/fullchain.pem\n"
	"ntsserverkey /etc/letsencrypt/live/ntp.example.net/privkey.pem\n"
	"ntsdumpdir /var/lib/tickwire\n"
	"\n"
	"# A second port that DPDK drives alone. Ping, ARP and SSH reach the kernel through the TAP.\n"
	"interface pci:0000:03:00.0 tap ntp0 address 198.51.100.10/24 address 2001:db8:1::10/64\n"
	"bindaddress 198.51.100.10\n"
	"bindaddress 2001:db8:1::10\n"
	"\n"
	"# A receiver of our own: its pulses give the time, and its sentences say which second they mark.\n"
	"refclock PPS /dev/pps0 refid PPS lock NMEA poll 2\n"
	"refclock NMEA /dev/ttyS0:9600 refid NMEA offset 0.14 noselect\n"
	"refclock SYSTEM noselect            # chronyd -x beside it, for the cross-check\n"
	"driftfile /var/lib/tickwire/drift\n"
	"leapseclist /usr/share/zoneinfo/leap-seconds.list\n"
	"```\n";

static void print_row(FILE *out, const char *name, const char *value)
{
	if (value)
		fprintf(out, "| %s | %s |\n", name, value);
}

static void print_directive(FILE *out, const struct directive *d)
{
	fprintf(out, "\n### %s\n\n    %s %s\n\n%s\n\n| | |\n|---|---|\n", d->name, d->name, d->arguments,
		d->help);
	print_row(out, "Type", d->type);
	print_row(out, "Default", d->default_value);
	print_row(out, "Range", d->range);
	print_row(out, "Unit", d->unit);
	print_row(out, "Repeatable", d->repeatable ? "yes" : "no");
	print_row(out, "Applied by", d->applied);
	print_row(out, "Origin", d->origin);
}

static void print_of_chrony(FILE *out, enum directive_kind kind, const char *title, const char *meaning)
{
	fprintf(out, "\n## %s\n\n%s\n\n| directive | why |\n|---|---|\n", title, meaning);
	for (size_t i = 0; i < directive_count; i++) {
		if (directives[i]->kind == kind)
			fprintf(out, "| `%s` | %s |\n", directives[i]->name, directives[i]->help);
	}
}

void directive_print_markdown(FILE *out)
{
	fputs(introduction, out);
	fputs("\n## Directives\n", out);
	for (size_t i = 0; i < directive_count; i++) {
		if (directives[i]->kind == DIRECTIVE_OURS)
			print_directive(out, directives[i]);
	}
	print_of_chrony(out, DIRECTIVE_REFUSED, "Directives of chrony that are refused",
		"A configuration that relied on them would not be safe without them, so they are errors.");
	print_of_chrony(out, DIRECTIVE_OF_CHRONY, "Directives of chrony without effect",
		"They are accepted with a warning. Their arguments are not looked at.");
}
