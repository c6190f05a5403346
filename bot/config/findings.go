package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Findings is what a reader of the file should know although it is no fault:
// secrets that cannot be read here or that others may read, logs that are not
// scoped, and rules and proofs that were made lenient.
func (c *Config) Findings() []string {
	var found []string
	for _, s := range c.Sources() {
		if w := s.Warning(); w != "" {
			found = append(found, w)
		}
		if _, err := s.Read(); err != nil {
			found = append(found, err.Error())
		}
	}
	if c.Redis.Durability != "" {
		found = append(found, "redis.durability: accepted; where the server's settings cannot be read, nobody checks that it keeps what it was told")
	}
	for name, e := range c.Environments.Each() {
		for _, check := range e.Checks {
			if check.Loki != nil && !check.Loki.scoped() {
				found = append(found, "environments."+name+".checks, "+check.Name+": a query without "+placeholder+" also counts lines of instances that are on their way out")
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		if c.Secrets[name].JWTUse == "mint" {
			found = append(found, "secrets."+name+".jwt_use: mint; an application that signs tokens itself is not rotated by this version")
		}
		if own := c.Secrets[name].Stands; own != "" {
			found = append(found, "secrets."+name+": Rekey itself reads "+own+"; only an emergency rotates it, with every bot stopped (--local-journal)")
		}
		if c.Secrets[name].Policy.SelfApproval {
			found = append(found, "secrets."+name+": whoever asks for a rotation may approve it (self_approval)")
		}
	}
	return append(found, c.lenient()...)
}

// scoped reports whether every query is about one deployment.
func (l *Loki) scoped() bool {
	for _, q := range []string{l.Query, l.Errors, l.Requests} {
		if q != "" && !strings.Contains(q, placeholder) {
			return false
		}
	}
	return true
}

// Host is a service that is asked elsewhere than usual.
type Host struct {
	Path string // key path
	URL  string
}

// Hosts lists the configured addresses that are not the vendors' own. A wrong
// one would be handed credentials, so people should see them.
func (c *Config) Hosts() []Host {
	var found []Host
	note := func(path, url, usual string) {
		if url != "" && url != usual {
			found = append(found, Host{Path: path, URL: url})
		}
	}
	note("slack.api_url", c.Slack.API, usual(c.Slack, "api_url"))
	note("infisical.url", c.Infisical.URL, usual(c.Infisical, "url"))
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		note("secrets."+name+".base_url", c.Secrets[name].BaseURL, "")
		note("secrets."+name+".console_url", c.Secrets[name].Console, "")
		note("secrets."+name+".project_url", c.Secrets[name].ProjectURL, "")
		note("secrets."+name+".r2.endpoint", c.Secrets[name].R2.Endpoint, "")
		for environment, server := range c.Secrets[name].Mem0.Servers.Each() {
			note("secrets."+name+".mem0.servers."+environment+".base_url", server.BaseURL, "")
		}
		for environment, database := range c.Secrets[name].Upstash.Each() {
			if at := "secrets." + name + ".upstash." + environment; database.elsewhere() {
				note(at+".url", database.URL, "")
				note(at+".redis", database.Redis, "")
			}
		}
		for environment, site := range c.Secrets[name].Langfuse.Sites.Each() {
			note("secrets."+name+".langfuse.sites."+environment+".base_url", site.BaseURL, "")
		}
	}
	return found
}

// usual is the default of a key of a struct.
func usual(of any, key string) string {
	t := reflect.TypeOf(of)
	for i := range t.NumField() {
		if tag := tagsOf(t.Field(i)); tag.key == key {
			return tag.fallback
		}
	}
	return ""
}
