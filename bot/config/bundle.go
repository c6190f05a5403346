package config

import (
	"strings"
	"time"

	"rekey/rotation"
)

// Bundle is a page in whose scripts a build leaves the values of public
// variables, such as NEXT_PUBLIC_…
type Bundle struct {
	// URL of a page whose scripts hold them. Visitors must be able to open it
	// without signing in.
	URL string `key:"url" form:"url" need:"the page whose scripts hold public values, such as url: https://app.example.com/"`
	// Hosts are further hosts (host or host:port) that may serve its scripts, such
	// as a CDN's. Others are not read.
	Hosts []string `key:"hosts" form:"host"`
	// DeploymentHeader is the header of the page's answer that names the
	// deployment, for queries that hold {{deployment}}.
	DeploymentHeader string `key:"deployment_header" form:"header"`
	// Streak is how many visits in a row must agree.
	Streak int `key:"streak" default:"6" min:"1"`
	// Attempts is how many visits one proof may make.
	Attempts int `key:"attempts" default:"40" min:"1"`
	// Pause between two visits.
	Pause time.Duration `key:"pause" default:"200ms"`
	// MaxFiles is how many files one visit may read, the page included. A page
	// with more is not proved.
	MaxFiles int `key:"max_files" default:"300" min:"1"`
	// MaxFile is how many bytes one file may have.
	MaxFile int `key:"max_file" default:"8388608" min:"1"`
	// MaxTotal is how many bytes all files of a visit may have.
	MaxTotal int `key:"max_total" default:"67108864" min:"1"`
	// Timeout of one request.
	Timeout time.Duration `key:"timeout" default:"10s" min:"10ms"`
}

// The ways of proof.
const (
	proveAttest = "attest"
	proveBundle = "bundle"
)

// ByBundle reports whether scripts prove the values of variables that a build
// writes there.
func (s *Secret) ByBundle() bool { return s.Prove != proveAttest && s.Entry.Inlined() }

// proof holds that what is to be proved by scripts has some, in both environments.
func (d *decoder) proof(c *Config, s *Secret, at string) {
	if s.Prove == proveBundle && !s.Entry.Inlined() {
		d.say(at+".prove", "a build leaves none of its variables in scripts", "attest, or leave it out,")
	}
	if !s.ByBundle() {
		return
	}
	for name, e := range c.Environments.Each() {
		path := "environments." + name + ".bundle"
		if e.Bundle == nil {
			d.lack(path, "it is missing, and a build writes a variable of "+s.Entry.Name+" into scripts, which prove it", "url: and the page, or prove: attest beside the secret")
			continue
		}
		if name == rotation.Production && e.Bundle.DeploymentHeader == "" && e.asksByDeployment() {
			d.lack(path+".deployment_header", "it is missing, and checks ask about one deployment", "the header of the page's answer that names it, such as X-Deployment")
		}
	}
}

// bundle holds its bounds against each other.
func (d *decoder) bundle(b *Bundle, at string) {
	switch {
	case b == nil:
	case b.Attempts < b.Streak:
		d.say(at+".attempts", "it is less than the visits that must agree, so no proof could be complete", "at least streak")
	case b.MaxTotal < b.MaxFile:
		d.say(at+".max_total", "it is less than one file may have", "at least max_file")
	}
}

// asksByDeployment reports whether a check's query holds {{deployment}}.
func (e *Environment) asksByDeployment() bool {
	for _, c := range e.Checks {
		if c.Loki != nil && strings.Contains(c.Loki.Query+c.Loki.Errors+c.Loki.Requests, "{{deployment}}") {
			return true
		}
	}
	return false
}
