#include "control/gpsd_unpack.h"

#include <math.h>
#include <string.h>

#include "control/gpsd_lines.h"

/* libgps adds to what the line before has left. */
static void clear(struct gps_data_t *data)
{
	data->set = 0;
	memset(&data->toff, 0, sizeof(data->toff));
	memset(&data->pps, 0, sizeof(data->pps));
}

/* Whole numbers from low to high; `none` for what is none. */
static int whole(double value, int low, int high, int none)
{
	if (!isfinite(value))
		return none;
	return value < low ? low : value > high ? high : (int)lrint(value);
}

static float dilution(double value)
{
	return isfinite(value) && value > 0 && value < 100 ? (float)value : 0;
}

/* Of u-blox's numbers of systems, which gpsd uses, the letters of RINEX. */
static char system_letter(unsigned gnssid)
{
	static const char letters[] = {
		[GNSSID_GPS] = 'G',
		[GNSSID_SBAS] = 'S',
		[GNSSID_GAL] = 'E',
		[GNSSID_BD] = 'C',
		[GNSSID_IMES] = '?',
		[GNSSID_QZSS] = 'J',
		[GNSSID_GLO] = 'R',
		[GNSSID_IRNSS] = 'I',
	};

	return gnssid < sizeof(letters) ? letters[gnssid] : '?';
}

static void put_satellite(struct receiver_satellite *to, const struct satellite_t *from)
{
	*to = (struct receiver_satellite){
		.system = system_letter(from->gnssid),
		.prn = (uint8_t)whole(from->PRN, 0, UINT8_MAX, 0),
		.snr = (uint8_t)whole(from->ss, 0, 99, 0),
		.used = from->used,
		.azimuth = (int16_t)whole(from->azimuth, 0, 359, -1),
		.elevation = (int16_t)whole(from->elevation, -90, 90, -91),
	};
}

static void put_sky(struct gpsd_record *record, const struct gps_data_t *data)
{
	int visible = data->satellites_visible;
	struct receiver_gnss *gnss = &record->gnss;

	*record = (struct gpsd_record){.kind = GPSD_SKY};
	gnss->in_view = (uint8_t)whole(visible, 0, UINT8_MAX, 0);
	gnss->used = (uint8_t)whole(data->satellites_used, 0, UINT8_MAX, 0);
	gnss->hdop = dilution(data->dop.hdop);
	gnss->pdop = dilution(data->dop.pdop);
	gnss->tdop = dilution(data->dop.tdop);
	for (int i = 0; i < visible && i < MAXCHANNELS && i < RECEIVER_SATELLITES; i++)
		put_satellite(&gnss->satellite[gnss->satellites++], &data->skyview[i]);
}

static void put_fix(struct gpsd_record *record, const struct gps_data_t *data)
{
	*record = (struct gpsd_record){.kind = GPSD_FIX,
		.fix = (uint32_t)whole(data->fix.mode, 0, RECEIVER_FIX_3D, RECEIVER_FIX_UNKNOWN),
		.leap_seconds = data->leap_seconds};
}

/* -1 for what is none: cut to 32 bits, it could look like one. */
static int32_t nanoseconds(const timespec_t *t)
{
	return t->tv_nsec >= 0 && t->tv_nsec < 1000000000 ? (int32_t)t->tv_nsec : -1;
}

static void put_stamp(struct gpsd_record *record, enum gpsd_kind kind, const struct timedelta_t *delta)
{
	*record = (struct gpsd_record){.kind = kind,
		.real_sec = delta->real.tv_sec,
		.real_nsec = nanoseconds(&delta->real),
		.clock_sec = delta->clock.tv_sec,
		.clock_nsec = nanoseconds(&delta->clock)};
}

/* libgps 3.22 puts a TOFF where a PPS belongs. */
static const struct timedelta_t *toff_of(const struct gps_data_t *data)
{
	return data->toff.real.tv_sec ? &data->toff : &data->pps;
}

int gpsd_unpack(
	struct gps_data_t *data, char *line, size_t length, struct gpsd_record record[GPSD_UNPACK_RECORDS])
{
	int count = 0;

	if (!gpsd_line_is_report(line, length))
		return 0;
	clear(data);
	if (gps_unpack(line, data) != 0)
		return 0;
	if (data->set & MODE_SET)
		put_fix(&record[count++], data);
	if (data->set & SATELLITE_SET)
		put_sky(&record[count++], data);
	if (data->set & PPS_SET)
		put_stamp(&record[count++], GPSD_PPS, &data->pps);
	if (data->set & TOFF_SET)
		put_stamp(&record[count++], GPSD_TOFF, toff_of(data));
	return count;
}
