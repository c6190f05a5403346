package config

import (
	"slices"
	"strings"
	"time"
)

// Announce is the digest of what is due, told by a calendar. A lone text is short
// for its cron alone.
type Announce struct {
	// Cron is when the digest is told: minute, hour, day of the month, month
	// and day of the week, such as "0 9 * * MON-FRI". Left out, nothing is
	// told by itself. A time that passed while Rekey was down is told once it
	// is up again, the last one only; where nothing was ever told, too.
	Cron string `key:"cron" form:"cron" short:"true"`
	// Zone is the time zone of cron. A time that the clocks skip in spring is
	// told as much later as they skip; one that they pass twice in autumn is
	// told once.
	Zone string `key:"zone" form:"zone" default:"UTC"`
	// Within is how far ahead the digest looks.
	Within time.Duration `key:"within" default:"14d" min:"1h"`
	// Channel is where the digest is told; left out, slack.channel.
	Channel string `key:"channel" form:"channel"`
	// AllClear tells in one line, too, that nothing is due. Without it a
	// digest with nothing in it is not posted.
	AllClear bool `key:"all_clear" default:"false"`
}

// announce refuses the rest of the digest without its time.
func (d *decoder) announce(a Announce) {
	if _, written := d.lines["announce"]; written && a.Cron == "" && !d.faulty("announce.cron") {
		d.lack("announce.cron", "it is missing, so nothing would be announced", `a time such as cron: "0 9 * * MON-FRI"`)
	}
}

// faulty reports whether something was found wrong at a path already.
func (d *decoder) faulty(path string) bool {
	return slices.ContainsFunc(d.faults, func(f Fault) bool { return strings.HasPrefix(f.What, path+":") })
}
