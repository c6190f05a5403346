package config

import (
	"fmt"
	"net"
	"strings"
	"time"
)

// CommandLine is how people ask and decide by signed statements, beside Slack
// and without it. Left out, nothing listens.
type CommandLine struct {
	// Listen is where a replica takes statements: a socket, such as
	// unix:/run/rekey/rekey.sock, or a port of the loopback interface.
	Listen string `key:"listen" form:"listen"`
	// AllowedSigners is the file of those whose signatures count, in OpenSSH's
	// format. It is read for every statement, and again before each act that
	// rests on one: whoever is taken out of it counts no more.
	AllowedSigners string `key:"allowed_signers" form:"absolute"`
	// Revoked is a file of public keys, one a line, whose signatures count for
	// nothing, whatever the allowed signers say. It is read as often as they are.
	Revoked string `key:"revoked" form:"absolute"`
	// Workspace is the id of the Slack workspace that the people are in.
	Workspace string `key:"workspace" form:"team"`
	// People are those behind the names in that file.
	People []Signer `key:"people"`
	// Life is how long after its signature a statement can be taken, at most;
	// `rekey` signs for two minutes.
	Life time.Duration `key:"life" default:"5m" min:"2m"`
	// Clock is how far the clocks of people may be ahead of ours.
	Clock time.Duration `key:"clock" default:"30s" min:"1s"`
	// Timeout of reading a statement, and of writing an answer.
	Timeout time.Duration `key:"timeout" default:"10s" min:"10ms"`
	// AnswerTimeout of one statement, its survey included.
	AnswerTimeout time.Duration `key:"answer_timeout" default:"2m" min:"10ms"`
	// Settle is the pause between two looks for decisions that are kept and not
	// counted yet.
	Settle time.Duration `key:"settle" default:"15s" min:"10ms"`
}

// Signer is a person who may sign statements.
type Signer struct {
	// Name of the person in the file of allowed signers.
	Name string `key:"name" form:"word" need:"a name that stands in the file of allowed signers"`
	// User is the person's id in Slack.
	User string `key:"user" form:"user" need:"the person's id in Slack, such as U0123ABCD"`
	// Approver says that the person stands for the user group of approvers,
	// whose members nobody can be asked for while Slack is away. Who is listed
	// by id needs no such word.
	Approver bool `key:"approver" default:"false"`
	// Starter says the same of the user group of starters.
	Starter bool `key:"starter" default:"false"`
}

// Used reports whether statements are taken at all.
func (l CommandLine) Used() bool { return l.Listen != "" }

// commandLine refuses half of one, and names that could be two people.
func (d *decoder) commandLine(l CommandLine) {
	const at = "command_line"
	if _, written := d.lines[at]; !written {
		return
	}
	for _, k := range []struct{ name, is, write string }{
		{"listen", l.Listen, "unix: and a path, such as unix:/run/rekey/rekey.sock"},
		{"allowed_signers", l.AllowedSigners, "the path of a file"},
		{"workspace", l.Workspace, "the workspace's id, such as T0123ABCD"},
	} {
		if k.is == "" && !d.faulty(join(at, k.name)) {
			d.lack(join(at, k.name), "it is missing, so that nothing could be taken", k.write)
		}
	}
	if len(l.People) == 0 && !d.faulty(at+".people") {
		d.lack(at+".people", "nobody is named, so that nobody's statement would count", "- {name: alice, user: U0123ABCD}")
	}
	seen := map[string]int{}
	for i, p := range l.People {
		if first, twice := seen[p.Name]; twice && p.Name != "" {
			d.say(fmt.Sprintf("%s.people[%d].name", at, i), fmt.Sprintf("it is that of people[%d] already", first), "each name once")
		}
		seen[p.Name] = i
	}
}

// listen accepts a socket's path and a port that only this machine reaches: what
// is answered there tells how rotations stand, and travels as it is.
func listen(text string) string {
	if path, local := strings.CutPrefix(text, "unix:"); local {
		if !strings.HasPrefix(path, "/") || len(path) > 100 {
			return "a socket's path must begin with / and have at most 100 characters"
		}
		return ""
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil || port == "" || !loopback(host) {
		return "it is neither unix: and a path nor a port of the loopback interface"
	}
	return ""
}
