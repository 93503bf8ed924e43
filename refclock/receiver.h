/*
 * What receivers say of themselves beside the time: satellites, dilutions, field strength. Plain data in
 * fixed-width types, since it crosses processes; parsers fill it, `tickwire sources` shows it.
 */
#ifndef REFCLOCK_RECEIVER_H
#define REFCLOCK_RECEIVER_H

#include <assert.h>
#include <stdint.h>

enum { RECEIVER_SATELLITES = 40 };

/* Stable numbers; from 1 on those of NMEA 0183's GSA. */
enum receiver_fix {
	RECEIVER_FIX_UNKNOWN = 0,
	RECEIVER_FIX_NONE = 1,
	RECEIVER_FIX_2D = 2,
	RECEIVER_FIX_3D = 3
};

struct receiver_satellite {
	char system;  /* RINEX letter: G GPS, R GLONASS, E Galileo, C BeiDou, J QZSS, I NavIC, S SBAS; '?' */
	uint8_t prn;  /* as the receiver numbers it; 255: more */
	uint8_t snr;  /* dB-Hz; 0: not tracked */
	uint8_t used; /* in the fix */
	int16_t azimuth;   /* degrees, 0-359; -1: unknown */
	int16_t elevation; /* degrees; -91: unknown */
};
static_assert(sizeof(struct receiver_satellite) == 8, "contract sources");

struct receiver_gnss {
	uint8_t fix;           /* enum receiver_fix */
	uint8_t used, in_view; /* satellites; in_view may be more than are listed */
	uint8_t satellites;    /* listed below */
	int8_t leap_pending;   /* +1, -1: announced; 0: none or unknown */
	int8_t leap_offset;    /* GPS - UTC in s where the receiver says it, else 0 */
	uint8_t reserved[2];
	float hdop, pdop, tdop;  /* 0: unknown */
	uint32_t week_rollovers; /* 1024-week errors corrected since the start */
	struct receiver_satellite satellite[RECEIVER_SATELLITES];
};
static_assert(sizeof(struct receiver_gnss) == 24 + 8 * RECEIVER_SATELLITES, "contract sources");

/* DCF77, and other receivers with a status word. */
struct receiver_radio {
	uint32_t status;    /* the Meinberg string's status characters, or the last telegram's flag bits */
	uint32_t telegrams; /* whole minutes, or strings, that were good */
	uint32_t parity_errors; /* telegrams with a wrong parity or marker */
	uint32_t implausible;   /* telegrams that did not follow the one before */
	uint32_t field_events;  /* the signal was lost, or came back */
	uint32_t bit_errors;    /* marks of no known length, or missing ones */
	float correlation;      /* 0 to 1: of the second marks with the expected grid; 0: not known */
	uint32_t summer_time;   /* 1: CEST */
};
static_assert(sizeof(struct receiver_radio) == 32, "contract sources");

#endif
