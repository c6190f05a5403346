package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"rekey/rotation/watch"
)

// agree checks what two or more keys say together.
func (d *decoder) agree(c *Config) {
	d.redis(c.Redis)
	d.announce(c.Announce)
	d.commandLine(c.CommandLine)
	if c.Chat.RetryMax < c.Chat.RetryFirst {
		d.say("chat.retry_max", "it is shorter than retry_first", "at least "+c.Chat.RetryFirst.String())
	}
	if c.Engine.RetryMax < c.Engine.RetryFirst {
		d.say("engine.retry_max", "it is shorter than retry_first", "at least "+c.Engine.RetryFirst.String())
	}
	for name, e := range c.Environments.Each() {
		d.environment(c, e, join("environments", name))
	}
	staging, production := c.Environments.Staging.Vault, c.Environments.Production.Vault
	if staging.Environment == production.Environment && staging.Path == production.Path {
		d.say("environments.production.vault", "it is the same place as staging's, so writing staging would write production", "another environment or path")
	}
	if c.ByHand() {
		d.inbox(c)
	}
	d.policy(c, c.Policy, "policy", c.needsPolicy())
	d.watch(c.Watch, "watch")
	d.watch(c.WatchAfter, "watch_after")
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		d.secret(c, c.Secrets[name], join("secrets", name))
	}
	d.variables(c)
	d.branch(c)
}

// inbox refuses one that an application reads, or that two environments
// would share.
func (d *decoder) inbox(c *Config) {
	taken := map[[2]string]string{}
	for name, e := range c.Environments.Each() {
		taken[[2]string{e.Vault.Environment, e.Vault.Path}] = "the folder of " + name + "'s own values"
	}
	for name, e := range c.Environments.Each() {
		place := [2]string{e.Vault.Environment, e.Vault.Inbox}
		if what := taken[place]; what != "" {
			d.say("environments."+name+".vault.inbox", "it is "+what, "a folder that nothing else uses, such as /rekey-inbox-"+name)
		}
		taken[place] = "the inbox of " + name
	}
}

func (d *decoder) redis(r Redis) {
	switch {
	case r.URL.IsZero() && r.Address == "":
		d.lack("redis", "it names no server", "url_file: and a path, url_env: and a variable's name, or address: host:port")
	case !r.URL.IsZero() && r.Address != "":
		d.say("redis.address", "the server is named twice", "only one of url and address")
	case !r.URL.IsZero() && (!r.Password.IsZero() || r.Username != "" || r.TLS):
		d.say("redis", "username, password and tls belong to address; a URL holds its own", "them into the URL")
	}
}

func (d *decoder) environment(c *Config, e *Environment, at string) {
	d.deploy(c, e.Deploy, at+".deploy")
	if a := e.Attest; max(a.Instances, 1) > a.Attempts || a.Instances == 0 && a.Streak > a.Attempts {
		d.say(at+".attest.attempts", "it is less than the answers that must agree, so no proof could be complete", fmt.Sprintf("at least %d", max(a.Instances, a.Streak)))
	}
	d.bundle(e.Bundle, at+".bundle")
	d.checks(e.Checks, at+".checks")
}

// deploy holds that there is one way to deploy, and that it can be followed.
func (d *decoder) deploy(c *Config, way Deploy, at string) {
	switch {
	case way.Webhook == nil && way.Command == nil:
		d.lack(at, "it names no way to deploy", "webhook: with a url: and a secret_file:, or command: with run: and status:")
	case way.Webhook != nil && way.Command != nil:
		d.say(at, "an environment is deployed in exactly one way", "either webhook: or command:")
	}
	if w := way.Webhook; w != nil && w.StatusURL != "" && !strings.Contains(w.StatusURL, "{id}") {
		d.say(at+".webhook.status_url", "it has no place for the deployment's id", "the URL with {id} where the id belongs")
	}
	if way.Command != nil {
		d.command(c, way.Command, at+".command")
	}
}

// command holds that programs are named without a search, and are handed no
// secret.
func (d *decoder) command(c *Config, w *Command, at string) {
	program := func(key string, argv []string) {
		if len(argv) > 0 && !filepath.IsAbs(argv[0]) {
			d.say(join(at, key), "it does not begin with the absolute path of a program", "the whole path, such as /opt/deploy/"+key)
		}
	}
	program("run", w.Run)
	program("status", w.Status)
	for i, name := range w.Pass {
		path := fmt.Sprintf("%s.pass[%d]", at, i)
		for _, s := range c.Sources() {
			if s.Env != "" && s.Env == name {
				d.say(path, name+" holds a secret of Rekey's own, "+s.Path, "no such variable; read that secret from a file")
			}
		}
		for _, secret := range slices.Sorted(maps.Keys(c.Secrets)) {
			if e := c.Secrets[secret].Entry; slices.Contains(slices.Concat(e.Variables, e.Aliases), name) {
				d.say(path, name+" is a value of "+secret+"; a deployment is told names, never values", "no such variable")
			}
		}
		if strings.HasPrefix(name, "REKEY_") {
			d.say(path, "variables that begin with REKEY_ tell a program its deployment", "another variable")
		}
	}
}

// checks refuses a watch that could not tell anything.
func (d *decoder) checks(checks []Check, at string) {
	named, required := map[string]bool{}, false
	for i, c := range checks {
		path := fmt.Sprintf("%s[%d]", at, i)
		if (c.HTTP == nil) == (c.Loki == nil) {
			d.say(path, "a check is measured in exactly one way", "either http: or loki:")
		}
		if c.HTTP != nil && c.HTTP.Body != "" && c.HTTP.Method != "POST" {
			d.say(path+".http.body", "only POST sends a body", "method: POST beside it")
		}
		if c.Name != "" && named[c.Name] {
			d.say(path+".name", "there is a check of this name already", "another name")
		}
		named[c.Name], required = true, required || c.Required
	}
	if len(checks) > 0 && !required {
		d.say(at, "none is required, so a watch could not tell anything", "required: true for at least one")
	}
}

// needsPolicy reports whether a secret relies on the policy at the top.
func (c *Config) needsPolicy() bool {
	for _, s := range c.Secrets {
		if s.Policy.Approvers.IsZero() {
			return true
		}
	}
	return len(c.Secrets) == 0
}

// policy refuses one under which nothing could ever be approved.
func (d *decoder) policy(c *Config, p Policy, at string, needed bool) {
	if p.Approvers.IsZero() {
		if needed {
			d.lack(at+".approvers", "nobody may approve", "users: [U…] or group: S…")
		}
		return
	}
	if p.Approvers.Group != "" {
		return // its members are known only when asked
	}
	able := len(slices.Compact(slices.Sorted(slices.Values(p.Approvers.Users))))
	why := fmt.Sprintf("%d approvals are asked of %d people", p.Quorum, able)
	if !p.SelfApproval && p.mayRequest(c.Starters) {
		able--
		why += ", of whom one may be the requester, who does not count"
	}
	if p.Quorum > able {
		write := fmt.Sprintf("at most %d, name more approvers, or allow self_approval,", able)
		if able < 1 {
			write = "more approvers, or self_approval: true,"
		}
		d.say(at+".quorum", why, write)
	}
}

// mayRequest reports whether one of the listed approvers may be a requester.
func (p Policy) mayRequest(starters People) bool {
	if starters.IsZero() || starters.Group != "" {
		return true
	}
	return slices.ContainsFunc(starters.Users, func(u string) bool { return slices.Contains(p.Approvers.Users, u) })
}

func (d *decoder) watch(w Watch, at string) {
	if err := w.Params().Validate(); err != nil {
		d.say(at, strings.ReplaceAll(err.Error(), "\n", ", "), "other limits")
	}
	if p := w.Params(); p.FailureLimit > watch.Defaults().FailureLimit && p.FailureLimit >= watch.Expected(p) {
		d.say(at+".failure_limit", fmt.Sprintf("the watch has %d looks, and every one of them could be bad", watch.Expected(p)), fmt.Sprintf("%d, or a longer window,", watch.Defaults().FailureLimit))
	}
}

func (d *decoder) secret(c *Config, s *Secret, at string) {
	if !reflect.DeepEqual(s.Policy, c.Policy) {
		d.policy(c, s.Policy, at+".policy", false)
	}
	for key, w := range map[string][2]Watch{"watch": {s.Watch, c.Watch}, "watch_after": {s.WatchAfter, c.WatchAfter}} {
		if w[0] != w[1] {
			d.watch(w[0], join(at, key))
		}
	}
	switch a := s.Affected; {
	case a.None == "" && (a.Staging == nil || a.Production == nil):
		d.lack(at+".affected", "each environment needs a check that succeeds only if this credential works", "staging: {http: …} and production: {http: …}, or none: and the reason")
	case refusals(a.Staging), refusals(a.Production):
		d.say(at+".affected", "401 and 403 are what an application answers whose credential does not work", "the status of an answer that needs it")
	case a.None != "" && (a.Staging != nil || a.Production != nil):
		d.say(at+".affected", "none stands beside a check", "one or the other")
	}
	d.hooks(c, s, at)
	d.workspaces(s, at+".workspaces")
	d.projects(s, at)
	d.jwt(s, at)
	d.r2(s, at+".r2")
	d.langfuse(s, at+".langfuse")
	d.mem0(s, at+".mem0")
	d.upstash(s, at+".upstash")
	d.admin(s, at+".admin")
	d.trigger(s, at+".trigger")
	d.helius(s, at)
	d.proof(c, s, at)
	if every, long := s.Waits.ProbeEvery, s.Waits.ProbeFor; every != nil && long != nil && *every > *long {
		d.say(at+".waits.probe_every", "it is longer than probe_for, so nothing would be probed twice", "at most "+long.String())
	}
}

// hooks wants both or neither: work that is paused must be able to go on.
func (d *decoder) hooks(c *Config, s *Secret, at string) {
	for key, way := range map[string]*Deploy{"pause": s.Pause, "resume": s.Resume} {
		if way != nil {
			d.deploy(c, *way, join(at, key))
		}
	}
	switch {
	case s.Pause != nil && s.Resume == nil:
		d.lack(at+".resume", "it is missing, so that what is paused would stay so", "the hook that has the work go on, beside pause:")
	case s.Resume != nil && s.Pause == nil:
		d.say(at+".resume", "nothing pauses what it would have go on", "pause: beside it, or leave it out,")
	}
	if grace, margin := s.Waits.Grace, s.Waits.Margin; grace != nil && margin != nil && *margin >= *grace {
		d.say(at+".waits.margin", "it is not shorter than grace, so nothing could be proved in time", "less than "+grace.String())
	}
}

// refusals reports a probe that would take a refused credential for a good one.
func refusals(p *Probe) bool {
	return p != nil && p.HTTP != nil && (slices.Contains(p.HTTP.Status, 401) || slices.Contains(p.HTTP.Status, 403))
}

// workspaces refuses what cannot be true of one key.
func (d *decoder) workspaces(s *Secret, at string) {
	if s.Workspaces != (Workspaces{}) && s.Entry.Service != "anthropic" {
		d.say(at, "only Anthropic has workspaces", "it for Anthropic's secrets only, or leave it out,")
	}
	if s.Shared() && s.Workspaces.Staging != s.Workspaces.Production {
		d.say(at, "one key for both environments belongs to one workspace", "scope: per-environment, or the same workspace twice")
	}
}

// variables refuses a variable that two secrets would write.
func (d *decoder) variables(c *Config) {
	owner := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		at := join(join("secrets", name), "variables")
		for i, v := range c.Secrets[name].Entry.Variables {
			if i > 0 && slices.Contains(c.Secrets[name].Entry.Variables[:i], v) {
				d.say(at, v+" is named twice", "it once")
			} else if other, taken := owner[v]; taken {
				d.say(at, v+" belongs to "+other+" already", "variables that no other secret has")
			}
			owner[v] = name
		}
	}
}

// branch refuses to saw off the branch Rekey sits on: a secret that it needs
// itself, or an admin credential that is among what is rotated.
func (d *decoder) branch(c *Config) {
	own, admin := c.sources()
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		at := join("secrets", name)
		e := c.Secrets[name].Entry
		for _, s := range own {
			if v := s.names(slices.Concat(e.Variables, e.Aliases)); v != "" && s.ofRedis(e.Service) {
				c.Secrets[name].Stands = v + ", for " + s.Path
			} else if v != "" {
				d.say(at, "Rekey itself reads "+v+", for "+s.Path+", and would lock itself out by rotating it", "a secret that Rekey does not depend on")
			}
			if s.Same(c.Secrets[name].Admin.Key) {
				d.say(at+".admin", "it is read from the same "+s.String()+" as "+s.Path, "a credential of its own")
			}
		}
		for _, s := range admin {
			if v := s.names(e.Variables); v != "" {
				d.say(at, v+" is the admin credential "+s.Path+", which must not be a rotated value", "another source for the admin credential")
			}
		}
	}
}

// ofRedis reports a way into Rekey's own Redis, for a secret of the service that
// has such: it has a second path, see docs/command-line.md. Nothing else of
// Rekey's own is issued by a service of the catalogue.
func (s Source) ofRedis(service string) bool {
	return service == "upstash" && strings.HasPrefix(s.Path, "redis.")
}

// names returns which of the variables this source is named after, or "".
func (s Source) names(variables []string) string {
	for _, v := range variables {
		if strings.EqualFold(v, s.Env) || s.File != "" && strings.EqualFold(v, filepath.Base(s.File)) {
			return v
		}
	}
	return ""
}

// sources lists where secrets are read from: those Rekey lives on, and the
// admin credentials.
func (c *Config) sources() (own, admin []Source) {
	for _, s := range c.Sources() {
		if strings.HasPrefix(s.Path, "secrets.") {
			admin = append(admin, s)
		} else {
			own = append(own, s)
		}
	}
	return own, admin
}

// Sources lists every configured source, in the order of the structs.
func (c *Config) Sources() []Source { return collect(reflect.ValueOf(c).Elem(), nil) }

func collect(v reflect.Value, found []Source) []Source {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			found = collect(v.Elem(), found)
		}
	case reflect.Slice:
		for i := range v.Len() {
			found = collect(v.Index(i), found)
		}
	case reflect.Map:
		for _, key := range slices.SortedFunc(slices.Values(v.MapKeys()), func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) }) {
			found = collect(v.MapIndex(key), found)
		}
	case reflect.Struct:
		if s, is := v.Interface().(Source); is {
			if !s.IsZero() {
				found = append(found, s)
			}
			return found
		}
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("key") != "" {
				found = collect(v.Field(i), found)
			}
		}
	}
	return found
}
