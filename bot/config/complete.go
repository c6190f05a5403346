package config

import (
	"maps"
	"slices"
	"strings"
	"time"

	"rekey/rotation"
)

// complete fills what depends on more than one key: the digest's channel, the
// vault's own names of environments, and the catalogue's entries.
func (d *decoder) complete(c *Config) {
	c.Announce.Channel = orElse(c.Announce.Channel, c.Slack.Channel)
	for environment, slug := range map[string]*string{
		"staging": &c.Environments.Staging.Vault.Environment,
		"prod":    &c.Environments.Production.Vault.Environment,
	} {
		if *slug == "" {
			*slug = environment
		}
	}
	catalogue := map[string]rotation.Secret{}
	titles, built, byHand := map[string]string{}, map[string]bool{}, map[string]bool{}
	for _, e := range rotation.Catalogue() {
		catalogue[e.Name] = e
		titles[e.Service] = e.Title
		built[e.Service] = built[e.Service] || e.Built
		byHand[e.Service] = byHand[e.Service] || e.ByHand
	}
	maps.DeleteFunc(built, func(_ string, yes bool) bool { return !yes })
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		s := c.Secrets[name]
		e, listed := catalogue[name]
		if !listed {
			e = rotation.Secret{Name: name, Service: s.Service, Variables: []string{name}, Period: ownPeriod}
		}
		d.service(s, e, listed, built)
		e.Title, e.Built, e.ByHand = titles[e.Service], built[e.Service], (byHand[e.Service] || s.Langfuse.ByHand || s.Upstash.ByHand) && !s.Mem0.Own() && !s.inPortal(e.Service)
		s.Entry, s.Own = s.overlaid(e), c.Redis
	}
}

// ownPeriod is that of entries outside the catalogue.
const ownPeriod = 90 * 24 * time.Hour

// overlaid is a catalogue entry with what the configuration says otherwise.
func (s *Secret) overlaid(e rotation.Secret) rotation.Secret {
	if len(s.Variables) > 0 {
		e.Variables = s.Variables
		if e.Service == serviceOfSigningKeys && len(s.Variables) == 2 {
			e.Previous = s.Variables[1]
		}
	}
	if len(s.Aliases) > 0 {
		e.Aliases = s.Aliases
	}
	e.Impact = orElse(s.Impact, e.Impact)
	if s.Period != nil {
		e.Period = *s.Period
	}
	return e
}

// service refuses an entry whose credentials this program cannot rotate.
func (d *decoder) service(s *Secret, e rotation.Secret, listed bool, built map[string]bool) {
	at, choice := join("secrets", e.Name), strings.Join(slices.Sorted(maps.Keys(built)), ", ")
	switch {
	case !listed && s.Service == "":
		d.lack(at+".service", "it is missing, and "+e.Name+" is not in the catalogue", "one of the services that are built: "+choice)
	case listed && s.Service != "" && s.Service != e.Service:
		d.say(at+".service", "the catalogue says that "+e.Name+" belongs to "+e.Service, "a secret's name of your own, or leave service out,")
	case !built[e.Service]:
		d.say(at, "rotating credentials of the service "+shown(e.Service)+" is not built in this version", "one of the services that are built: "+choice)
	}
	if !listed && s.Impact == "" {
		d.lack(at+".impact", "it is missing", "what stops if it goes wrong, such as impact: image generation stops")
	}
}
