package config

import (
	"iter"
	"net/url"
	"strings"
)

// Upstash says which databases an application's tokens are of. Which kind a
// token is a survey finds out: a user's is exchanged with the password of the
// database's default user, a database's own with the account's API key (admin:
// e-mail address and key, joined by a colon). Of several variables a survey tells
// by their names what they carry: what ends in _TOKEN the token, in
// READ_ONLY_TOKEN the read-only one, in _PASSWORD the password of the Redis
// protocol, in _USERNAME whose that is, and in _URL an address with both. The
// address of the REST API never changes and is none of them.
type Upstash struct {
	// ByHand says that people reset a database in the console, because the account
	// has no API: a platform made it. Users are exchanged without them.
	ByHand bool `key:"by_hand" default:"false"`
	// Staging is the database of staging.
	Staging RedisDatabase `key:"staging"`
	// Production is the database of production.
	Production RedisDatabase `key:"production"`
	// CAFile holds further authorities, in PEM, that may sign the certificates of
	// the Redis protocol; left out, the system's alone.
	CAFile string `key:"ca_file" form:"absolute"`
}

// RedisDatabase is one database.
type RedisDatabase struct {
	// URL of its REST API: the application's UPSTASH_REDIS_REST_URL.
	URL string `key:"url" form:"base"`
	// Redis is where it speaks the Redis protocol over TLS; left out, the URL's
	// host and port 6379.
	Redis string `key:"redis" form:"address"`
	// Database is its id in the account; left out, it is looked up by the host's
	// name.
	Database string `key:"database" form:"uuid"`
	// AdminKey is the password of the database's default user, who keeps its list
	// of users.
	AdminKey Source `key:"admin"`
}

func (r RedisDatabase) set() bool {
	return r.URL+r.Redis+r.Database != "" || !r.AdminKey.IsZero()
}

// Each yields both databases by environment, or none.
func (u Upstash) Each() iter.Seq2[string, RedisDatabase] {
	return func(yield func(string, RedisDatabase) bool) {
		if (u.Staging.set() || u.Production.set()) && yield("staging", u.Staging) {
			yield("production", u.Production)
		}
	}
}

// kept reports whether the password of each database's default user is named.
func (u Upstash) kept() bool {
	return !u.Staging.AdminKey.IsZero() && !u.Production.AdminKey.IsZero()
}

// elsewhere reports an address that is not the vendor's own.
func (r RedisDatabase) elsewhere() bool {
	u, err := url.Parse(r.URL)
	return err == nil && r.URL != "" && !strings.HasSuffix(u.Hostname(), ".upstash.io")
}

// upstash wants the databases, and refuses them elsewhere.
func (d *decoder) upstash(s *Secret, at string) {
	u := s.Upstash
	if s.Entry.Service != "upstash" {
		if u.ByHand || u.Staging.set() || u.Production.set() || u.CAFile != "" {
			d.say(at, "only Upstash has such databases", "it for Upstash's secrets only, or leave it out,")
		}
		return
	}
	for environment, database := range map[string]RedisDatabase{"staging": u.Staging, "production": u.Production} {
		if _, written := d.lines[at+"."+environment+".url"]; database.URL == "" && !written { // what is wrong with one is told already
			d.lack(at+"."+environment+".url", "it is missing", "the UPSTASH_REDIS_REST_URL of the application there")
		}
	}
	if s.Shared() && u.Staging.URL != u.Production.URL {
		d.say(at, "one token for both environments belongs to one database", "scope: per-environment, or the same url twice")
	}
}
