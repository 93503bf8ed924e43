# tickwire-clock by the receiver's pulses while one thing after another goes wrong. Each section begins before its fault.
start_receiver

watch()
{
	section "$1"
	judge $truth "$locked" "$interval" $run_dir &
	judge=$!
	sleep 10
}

follow_receiver()
{
	start_tickwire "refclock NMEA /dev/ttyS1:115200 refid NMEA offset 0.07 delay 0.2 noselect" \
		"refclock PPS /dev/pps0 lock NMEA refid PPS offset $delay $options" \
		"driftfile $drift/drift interval 60"
}

drift=/var/lib/tickwire
mkdir -p $drift
chown nobody $drift
follow_receiver
sleep "$settle"

watch "kernel clock set"
date -s "@$(($(date +%s) + 3))" >/dev/null
wait $judge

watch "doubled pulses"
touch $truth.doubled
wait $judge
rm $truth.doubled

watch "missed pulses"
for pause in 1 10; do
	unplug
	sleep $pause
	plug
	sleep 10
done
wait $judge

watch "killed"
kill -9 $tickwire
drain
sleep 1
follow_receiver
wait $judge
