# chronyd by the receiver's pulses, and for a while without them.
start_receiver
kill $drain
gpsd -n -s 115200 /dev/ttyS1
mkdir -p /run/chrony
cat >/etc/chrony.conf <<C
refclock SHM 0 refid NMEA offset 0.07 delay 0.2 noselect
refclock PPS /dev/pps0 lock NMEA refid PPS offset $delay $options
makestep 0.1 3
rtcsync
user root
C
chronyd -f /etc/chrony.conf -u root
sleep "$settle"
section locked
judge $truth "$locked" "$interval"
unplug
section holdover
judge $truth "$holdover" "$interval"
plug
section back
judge $truth "$back" "$interval"
section delay
echo "$delay"
