# tickwire-clock by one source after another.
ifconfig lo 127.0.0.1 up
start_receiver

# follow NAME TRUTH DIRECTIVE...: a section with what it shows after a while.
follow()
{
	local name=$1 by=$2
	shift 2
	start_tickwire "$@"
	sleep "$settle"
	section "$name"
	judge "$by" "$locked" "$interval" $run_dir
	section "$name sources"
	tickwire sources --run-dir $run_dir
	stop_tickwire
}

# follow_gpsd NAME DIRECTIVE: gpsd is started after tickwire-clock, whose socket it looks for once.
follow_gpsd()
{
	(sleep 2 && gpsd -n -N -s 115200 /dev/ttyS1 /dev/pps0) &
	follow "$1" $truth "$2"
	killall gpsd
}

follow NMEA $truth "refclock NMEA /dev/ttyS1:115200 refid GPS offset 0.07"
if type gpsd >/dev/null; then
	follow_gpsd "SHM of sentences" "refclock SHM 0 refid GPS offset 0.07 delay 0.2"
	follow_gpsd "SHM of pulses" "refclock SHM 2 refid PPS offset $delay"
	follow_gpsd SOCK "refclock SOCK /run/chrony.pps0.sock refid PPS offset $delay"
	follow_gpsd GPSD "refclock GPSD 127.0.0.1:2947:/dev/ttyS1 refid GPS offset 0.07"
fi
if [ -e /dev/ptp0 ]; then
	phc /dev/ptp0 3 20
	follow PHC /dev/ptp0 "refclock PHC /dev/ptp0 refid PHC poll 2"
fi
