# tickwire-clock by the receiver's pulses, and for a while without them.
start_receiver
start_tickwire "refclock NMEA /dev/ttyS1:115200 refid NMEA offset 0.07 delay 0.2 noselect" \
	"refclock PPS /dev/pps0 lock NMEA refid PPS offset $delay $options"
sleep "$settle"
section locked
judge $truth "$locked" "$interval" $run_dir
section sources
tickwire sources --run-dir $run_dir
unplug
section holdover
judge $truth "$holdover" "$interval" $run_dir
plug
section back
judge $truth "$back" "$interval" $run_dir
section delay
echo "$delay"
