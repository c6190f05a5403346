package config

// R2 is where an application keeps its objects. Nothing but its buckets proves
// a key: Cloudflare takes a wrong name in a token's policies without a word.
type R2 struct {
	// Account is the id of the account.
	Account string `key:"account" form:"account"`
	// Jurisdiction of the buckets.
	Jurisdiction string `key:"jurisdiction" form:"jurisdiction" default:"default"`
	// Endpoint of the buckets; left out, the account's own.
	Endpoint string `key:"endpoint" form:"base"`
	// Buckets that the application uses.
	Buckets Buckets `key:"buckets"`
}

// Buckets are names by environment.
type Buckets struct {
	// Staging are the buckets of staging.
	Staging []string `key:"staging" form:"bucket"`
	// Production are the buckets of production.
	Production []string `key:"production" form:"bucket"`
}

// named reports whether anything but a default is there.
func (r R2) named() bool {
	return r.Account+r.Endpoint != "" || len(r.Buckets.Staging)+len(r.Buckets.Production) > 0
}

// r2 wants what a key of R2 is proved by, and refuses it elsewhere.
func (d *decoder) r2(s *Secret, at string) {
	if s.Entry.Service != "r2" {
		if s.R2.named() {
			d.say(at, "only Cloudflare R2 has an account with buckets", "it for R2's secrets only, or leave it out,")
		}
		return
	}
	if s.R2.Account == "" {
		d.lack(at+".account", "it is missing", "the account's id, as the dashboard shows it")
	}
	for name, buckets := range map[string][]string{"staging": s.R2.Buckets.Staging, "production": s.R2.Buckets.Production} {
		if len(buckets) == 0 {
			d.lack(at+".buckets."+name, "it is missing, and nothing else proves a key", "the buckets that the application uses there, such as [media]")
		}
	}
}
