package rotation

import (
	"strings"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
)

// trouble is one thing that can go wrong with a call.
type trouble struct {
	name  string
	after bool                             // the effect has happened
	times int                              // how often it strikes; 0 until it is mended
	do    func(s *scene, env string) error // with the rig's lock held
	mend  func(s *scene, env string)       // what somebody does about it; nil is nothing
}

// troubles are what can go wrong with a call, by its first word. A call that is
// not among them fails the test of the table.
func troubles(call string) []trouble {
	switch words := strings.Fields(call); {
	case call == midway, call == outcomes:
		return stores
	case call == "probe":
		return append([]trouble{{name: "cannot tell", do: tells(func(s *scene, _ string) { s.mute = true }), mend: func(s *scene, _ string) { s.mute = false }}}, asked("probing")[2:]...)
	case words[0] == "survey", words[0] == "survive", words[0] == "continue", words[0] == "list", words[0] == "current", words[0] == "active", words[0] == "lingers":
		return asked("looking at the service")
	case words[0] == "guide", words[0] == "inspect", words[0] == "recall":
		return asked("looking at the service")
	case words[0] == "collect", words[0] == "discard", words[0] == "seclude":
		return []trouble{says("unreachable", reading(fault.Unreachable, 0)), says("refused", refused(fault.Forbidden, 403))}
	case words[0] == "end", words[0] == "disable":
		return append(ordered("ending something at the service"), trouble{name: "said and not done", after: true, times: 1, do: tells(func(s *scene, _ string) { s.revive() })})
	case words[0] == "issue", words[0] == "import", words[0] == "activate":
		return ordered("changing something at the service")
	case strings.HasPrefix(call, "read version "):
		return []trouble{says("unreachable", reading(fault.Unreachable, 0)),
			{name: "gone for good", do: tells(func(s *scene, env string) { s.rig.gone[env] = true }), mend: func(s *scene, env string) { s.rig.gone[env] = false }}}
	case words[0] == "read":
		return []trouble{says("unreachable", reading(fault.Unreachable, 0)), says("refused", refused(fault.Forbidden, 403)),
			{name: "changed by somebody", times: 1, do: tells((*scene).scribble), mend: (*scene).restore}}
	case words[0] == "write":
		return writes
	case words[0] == "deploy", words[0] == "pause", words[0] == "resume":
		return ordered("deploying")
	case words[0] == "status":
		return followed
	case words[0] == "attest":
		return attests
	case words[0] == "affected":
		return []trouble{says("cannot tell", refused(fault.CannotMeasure, 0)),
			{name: "fails", do: tells(func(s *scene, env string) { s.needs[env] = "nothing" }), mend: func(s *scene, env string) { delete(s.needs, env) }}}
	case words[0] == "admit":
		return []trouble{says("cannot tell", refused(fault.CannotMeasure, 0))}
	case words[0] == "logs":
		return []trouble{says("cannot tell", refused(fault.CannotMeasure, 0)), {name: "sees errors", do: tells(func(s *scene, _ string) { s.measure = always(deploy.Bad) }), mend: func(s *scene, _ string) { s.measure = always(deploy.OK) }}}
	case words[0] == "marks":
		return []trouble{says("cannot be asked", errNoAnswer),
			{name: "withdrawn", times: 1, do: tells(func(s *scene, _ string) { s.marks.Marks, s.approved = nil, false })},
			{name: "standing lost", times: 1, do: tells(func(s *scene, _ string) {
				for i := range s.marks.Marks {
					s.marks.Marks[i].Standing.Approver = false
				}
				s.approved = false
			})}}
	}
	return nil
}

// dying is a replica that dies around a call.
func dying(after bool) trouble {
	name := "killed before"
	if after {
		name = "killed after"
	}
	return trouble{name: name, after: after, times: 1, do: func(s *scene, _ string) error { s.die(); return errReplicaDied }}
}

func says(name string, err error) trouble {
	return trouble{name: name, do: func(*scene, string) error { return err }}
}

func tells(do func(*scene, string)) func(*scene, string) error {
	return func(s *scene, env string) error { do(s, env); return nil }
}

func always(o deploy.Outcome) func(deploy.Window) deploy.Measurement {
	return func(deploy.Window) deploy.Measurement { return deploy.Measurement{Outcome: o, Requests: 100} }
}

func refused(why fault.Reason, status int) error {
	return &fault.Error{Op: "asking", Class: fault.Ask, Reason: why, Status: status}
}

func reading(why fault.Reason, status int) error {
	return &fault.Error{Op: "asking", Class: fault.Again, Reason: why, Status: status}
}

func unheard(op string) error {
	return &fault.Error{Op: op, Class: fault.Lost, Reason: fault.TimedOut}
}

// asked is what a question to a service can meet.
func asked(op string) []trouble {
	return []trouble{
		says("401", refused(fault.Unauthorized, 401)), says("404", refused(fault.NotFound, 404)),
		says("429", &fault.Error{Op: op, Class: fault.Again, Reason: fault.RateLimited, Status: 429, RetryAfter: 90 * time.Second}),
		says("503", reading(fault.ServerError, 503)), says("timeout", reading(fault.TimedOut, 0)),
	}
}

// ordered is what an order to a service can meet: of a server's trouble nobody
// knows whether it was before or after the act.
func ordered(op string) []trouble {
	return append(asked(op)[:3],
		trouble{name: "500, not done", times: 2, do: func(*scene, string) error {
			return &fault.Error{Op: op, Class: fault.Lost, Reason: fault.ServerError, Status: 500}
		}},
		trouble{name: "500, done", after: true, times: 1, do: func(*scene, string) error {
			return &fault.Error{Op: op, Class: fault.Lost, Reason: fault.ServerError, Status: 500}
		}},
		trouble{name: "timeout, not done", do: func(*scene, string) error { return unheard(op) }},
		trouble{name: "answer lost", after: true, times: 1, do: func(*scene, string) error { return unheard(op) }},
	)
}

var stores = []trouble{
	{name: "refused", times: 3, do: func(*scene, string) error { return errNoAnswer }},
	{name: "answer lost", after: true, times: 1, do: func(*scene, string) error { return errNoAnswer }},
}

var writes = []trouble{
	says("unreachable", reading(fault.Unreachable, 0)), says("refused", refused(fault.Forbidden, 403)),
	{name: "changed by somebody", times: 1, do: tells((*scene).scribble), mend: (*scene).restore},
	{name: "held for approval", times: 1, do: func(*scene, string) error { return fault.New("writing", fault.HeldForApproval, "request r-1") }, mend: (*scene).merge},
	{name: "timeout, not done", times: 1, do: func(*scene, string) error { return unheard("writing") }},
	{name: "answer lost", after: true, times: 1, do: func(*scene, string) error { return unheard("writing") }},
}

// followed is how a deployment can go.
var followed = []trouble{
	says("unreachable", reading(fault.Unreachable, 0)),
	{name: "failed", do: tells(ends(deploy.Failed))},
	{name: "superseded", do: tells(ends(deploy.Cancelled))},
	{name: "never live", do: tells(ends(deploy.Queued)), mend: func(s *scene, _ string) {
		for id, p := range s.deploys {
			if p == deploy.Queued {
				s.deploys[id] = deploy.Running
			}
		}
	}},
}

// ends brings every deployment under way to a phase.
func ends(p deploy.Phase) func(*scene, string) {
	return func(s *scene, _ string) {
		for id, was := range s.deploys {
			if was == deploy.Running {
				s.deploys[id] = p
			}
		}
	}
}

var attests = []trouble{
	says("unreachable", reading(fault.Unreachable, 0)), says("cannot tell", refused(fault.CannotMeasure, 0)),
	{name: "old value", do: hears(func(t *deploy.Testimony) { *t = deploy.Testimony{Instances: t.Instances, Old: 3} }), mend: honest},
	{name: "another deployment", do: hears(func(t *deploy.Testimony) { t.Deployment = "dep-theirs" }), mend: honest},
}

func hears(change func(*deploy.Testimony)) func(*scene, string) error {
	return func(s *scene, env string) error {
		s.hears = func(of string, t *deploy.Testimony) {
			if of == env {
				change(t)
			}
		}
		return nil
	}
}

func honest(s *scene, _ string) { s.hears = nil }
