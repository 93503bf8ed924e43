# The kernel clock, kept by tickwire-clock by the receiver's pulses (steer_kernel).
start_receiver
start_tickwire "refclock NMEA /dev/ttyS1:115200 refid NMEA offset 0.07 delay 0.2 noselect" \
	"refclock PPS /dev/pps0 lock NMEA refid PPS offset $delay $options" \
	"makestep 0.1 -1" "steer_kernel yes"
sleep "$settle"
section kernel
judge $truth "$locked" "$interval"
section served
judge $truth 10 "$interval" $run_dir
