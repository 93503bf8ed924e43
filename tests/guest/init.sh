# The first process of the guest, before what a test adds: $modules and the scenario's own variables are set above.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
for module in $modules; do
	insmod /modules/"$module".ko
done

truth=/run/truth

# section NAME: what follows on the console belongs to it.
section()
{
	echo "=== $1"
}

# Give up: the host says what the console said last.
die()
{
	echo "guest: $*"
	poweroff -f
	sleep 60
}

# await SECONDS FILE
await()
{
	local left=$1
	while ! [ -e "$2" ]; do
		[ "$left" -gt 0 ] || die "$2 is missing"
		left=$((left - 1))
		sleep 1
	done
}

# The receiver on the parallel port and /dev/ttyS2; $delay becomes the delay of its pulses, in seconds.
start_receiver()
{
	drain
	receiver $truth /dev/ttyS2 "$ppm" "$wander" "$period" "$jitter" "$seed" &
	await 60 $truth.delay
	delay=$(printf '0.%09d' "$(cat $truth.delay)")
}

unplug()
{
	touch $truth.unplugged
}

plug()
{
	rm $truth.unplugged
}

# What nobody reads from a line is lost. QEMU would keep it for whoever opens the line next.
drain()
{
	stty -F /dev/ttyS1 raw -echo
	cat /dev/ttyS1 >/dev/null &
	drain=$!
}

# start_tickwire DIRECTIVE...: the clock daemon alone, in $run_dir. The least often that it may read the kernel clock is easy on
# the host.
start_tickwire()
{
	run_dir=/run/tickwire
	mkdir -p $run_dir
	local directive
	for directive; do
		shift
		set -- "$@" --directive "$directive"
	done
	kill $drain
	tickwire-clock --run-dir $run_dir --user nobody --refresh 10000 "$@" &
	tickwire=$!
}

stop_tickwire()
{
	kill $tickwire
	wait $tickwire
	rm -r $run_dir
	drain
}
