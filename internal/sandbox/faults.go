package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"rekey/internal/sandbox/wire"
)

// Faults returns the set of faults of a service, nil for an unknown name. The
// names are slack, infisical, fal, anthropic, r2, langfuse, mem0, mem0-own, loki, deploy, staging and production.
func (w *World) Faults(service string) *wire.Faults {
	switch service {
	case "slack":
		return w.Slack.Faults
	case "infisical":
		return w.Infisical.Faults
	case "fal":
		return w.Fal.Faults
	case "anthropic":
		return w.Anthropic.Faults
	case "r2":
		return w.R2.Faults
	case "loki":
		return w.Loki.Faults
	case "deploy":
		return w.Target.Faults
	case Staging:
		return w.Staging.Faults
	case Production:
		return w.Production.Faults
	}
	return w.playedFaults(service)
}

// playedFaults are those of services that are there only when they are played.
func (w *World) playedFaults(service string) *wire.Faults {
	switch service {
	case "upstash":
		if w.Upstash != nil {
			return w.Upstash.Faults
		}
	case "supabase":
		if w.Supabase != nil {
			return w.Supabase.Faults
		}
	case "langfuse":
		return w.Langfuse.Faults
	case "mem0", "mem0-own":
		return w.memoryFaults(service)
	case "ayrshare":
		if w.Ayrshare != nil {
			return w.Ayrshare.Faults
		}
	case "helius":
		if w.Helius != nil {
			return w.Helius.Faults
		}
	case "trigger":
		if w.Trigger != nil {
			return w.Trigger.Faults
		}
	}
	return nil
}

// Services lists the names that Faults knows.
func Services() []string {
	return []string{"slack", "infisical", "fal", "anthropic", "r2", "langfuse", "loki", "deploy", Staging, Production}
}

// FaultOrder asks for a fault in words, as the control API and scripts do.
type FaultOrder struct {
	Service string `json:"service"`
	Name    string `json:"name"`   // to clear it by; the kind if empty
	Kind    string `json:"kind"`   // one of FaultKinds
	Method  string `json:"method"` // of the requests it is for; empty for all
	Path    string `json:"path"`   // the same; a trailing * stands for any ending
	Skip    int    `json:"skip"`   // matching requests let through first
	Limit   int    `json:"limit"`  // how often it fires; 0 means until cleared, as "down" always does
	Seconds int    `json:"seconds"`
}

// faultKinds are the faults that can be named. Seconds are the pause of "slow"
// and the Retry-After of "429".
var faultKinds = map[string]func(seconds time.Duration) wire.Action{
	"401":  func(time.Duration) wire.Action { return wire.Answer(http.StatusUnauthorized, nil, `{}`) },
	"403":  func(time.Duration) wire.Action { return wire.Answer(http.StatusForbidden, nil, `{}`) },
	"429":  func(d time.Duration) wire.Action { return wire.TooMany(d, `{}`) },
	"500":  func(time.Duration) wire.Action { return wire.Answer(http.StatusInternalServerError, nil, `{}`) },
	"html": func(time.Duration) wire.Action { return wire.HTML() },
	"huge": func(time.Duration) wire.Action { return wire.Huge(50 << 20) },
	"slow": func(d time.Duration) wire.Action { return wire.Delay(d) },
	"hang": func(time.Duration) wire.Action { return wire.Hang() },
	"drop": func(time.Duration) wire.Action { return wire.Drop() },
	"lose": func(time.Duration) wire.Action { return wire.Lose() },
	Down:   func(time.Duration) wire.Action { return wire.Drop() },
}

// Down is the kind of a service that is away: every connection breaks, at Slack
// those that are open, too, until the fault is cleared.
const Down = "down"

// FaultKinds lists the kinds a FaultOrder may name.
func FaultKinds() []string {
	var all []string
	for k := range faultKinds {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// Inject carries an order out and returns the name to clear the fault by.
func (w *World) Inject(o FaultOrder) (string, error) {
	set, make := w.Faults(o.Service), faultKinds[o.Kind]
	switch {
	case set == nil:
		return "", fmt.Errorf("injecting a fault: no service %q; there are %v", o.Service, Services())
	case make == nil:
		return "", fmt.Errorf("injecting a fault: no kind %q; there are %v", o.Kind, FaultKinds())
	}
	if o.Name == "" {
		o.Name = o.Kind
	}
	if o.Kind == Down {
		o.Method, o.Path, o.Skip, o.Limit = "", "", 0, 0
	}
	set.Inject(o.Name, wire.Fault{
		Match: wire.Match{Method: o.Method, Path: o.Path}, Skip: o.Skip, Limit: o.Limit,
		Do: make(time.Duration(o.Seconds) * time.Second),
	})
	if o.Kind == Down && set == w.Slack.Faults {
		w.Slack.DropSockets()
	}
	return o.Name, nil
}
