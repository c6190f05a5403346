package sandbox

import (
	"net/http"
	"slices"
	"time"

	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/scan"
	"rekey/internal/sandbox/upstash"
)

// Database is the name of an environment's database at Upstash.
func Database(environment string) string { return AppName + "-" + environment }

// ResetCredentials is the write that replaces all credentials of a database.
const ResetCredentials Kind = "reset credentials"

// redisRules are what the application may do in its databases.
var redisRules = []string{"~shop:*", "&*", "+@all", "-@dangerous"}

// databases is what the seed made at Upstash.
type databases struct {
	own bool                          // the application runs on the databases' own credentials
	old map[string]upstash.Credential // by environment
}

// seedDatabases makes a database for each environment, with a user for the
// application and others, if its token is played.
func (w *World) seedDatabases(o Options, made time.Time) error {
	if !slices.Contains(o.Also, app.RedisToken) {
		return nil
	}
	w.Upstash = upstash.New(upstash.Options{}, Database(Staging), Database(Production), "somebodys")
	w.databases = databases{own: o.OwnRedisToken, old: map[string]upstash.Credential{}}
	for _, environment := range []string{Staging, Production} {
		w.Upstash.Seed(Database(environment), "reporting", made.Add(-time.Hour), "~*", "+@all")
		w.databases.old[environment] = w.Upstash.Seed(Database(environment), AppName, made, redisRules...) // a name is the same in both
		if o.OwnRedisToken {
			w.databases.old[environment] = w.Upstash.Own(Database(environment))
		}
	}
	w.stops = append(w.stops, w.Upstash.Close)
	return w.Upstash.Open()
}

// values are what the application reads of a database's credential.
func (d databases) values(w *World, environment string) map[string]string {
	c, used := d.old[environment]
	switch {
	case !used:
		return nil
	case !d.own:
		return map[string]string{app.RedisToken: c.Token}
	}
	return RedisValues(c, w.Upstash.Address(c.Database))
}

// RedisValues are the variables in which an application has a database's own
// credentials.
func RedisValues(c upstash.Credential, address string) map[string]string {
	return map[string]string{app.RedisToken: c.Token, app.RedisReadOnly: c.ReadOnly, app.RedisURL: "rediss://default:" + c.Password + "@" + address}
}

// OwnRedisToken reports whether the application runs on the databases' own
// credentials.
func (w *World) OwnRedisToken() bool { return w.databases.own }

// OldRedisToken is the id of what an environment used when the world began.
func (w *World) OldRedisToken(environment string) string { return w.databases.old[environment].ID }

func (w *World) databasesHandler() http.Handler {
	if w.Upstash == nil {
		return nil
	}
	return w.Upstash.Handler()
}

// databaseAt is the address of an environment's database.
func (w *World) databaseAt(environment string) string {
	if w.Upstash == nil {
		return ""
	}
	return w.endpoints.Upstash + "/" + Database(environment)
}

// databaseTokens adds what the bot is given.
func (w *World) databaseTokens() {
	if w.Upstash == nil {
		return
	}
	w.tokens.UpstashAccount, w.tokens.UpstashAuthority = w.Upstash.AccountKey(), w.Upstash.Authority()
	w.tokens.UpstashStaging = w.Upstash.Own(Database(Staging)).Password
	w.tokens.UpstashProduction = w.Upstash.Own(Database(Production)).Password
}

func (w *World) watchDatabases() {
	if w.Upstash == nil {
		return
	}
	w.Upstash.OnWrite(func(u upstash.Write) {
		k := map[upstash.Act]Kind{upstash.Created: Create, upstash.Off: SwitchOff, upstash.On: SwitchOn, upstash.Deleted: Delete, upstash.Reset: ResetCredentials}[u.Act]
		what := u.ID
		if u.Act == upstash.Created {
			what += " " + u.User
		}
		w.wrote(k, what)
	})
}

// databaseSecrets lists what of Upstash is secret.
func (w *World) databaseSecrets() []scan.Secret {
	if w.Upstash == nil {
		return nil
	}
	all := []scan.Secret{{Name: "account's API key of Upstash", Value: w.Upstash.AccountKey()}}
	for _, c := range w.Upstash.Users() {
		all = append(all, scan.Secret{Name: "token of Upstash user " + c.ID, Value: c.Token})
	}
	for _, c := range w.Upstash.Generations() {
		all = append(all, scan.Secret{Name: "token of Upstash database " + c.ID, Value: c.Token},
			scan.Secret{Name: "read-only token of Upstash database " + c.ID, Value: c.ReadOnly},
			scan.Secret{Name: "password of Upstash database " + c.ID, Value: c.Password})
	}
	return all
}

func (w *World) databaseLabels() [][2]string {
	if w.Upstash == nil {
		return nil
	}
	var all [][2]string
	for _, c := range w.Upstash.Users() {
		all = append(all, [2]string{"the name of Upstash user " + c.ID, c.User})
	}
	return all
}
