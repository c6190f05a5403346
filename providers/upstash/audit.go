package upstash

import (
	"context"
	"fmt"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/trail"
	"rekey/providers"
)

var (
	_ providers.Auditor = (*called)(nil)
	_ providers.Auditor = (*manual)(nil)
	_ providers.Auditor = (*users)(nil)
)

// The places where Upstash notes uses
// (https://upstash.com/docs/common/account/auditlogs,
// https://upstash.com/docs/redis/sdks/ts/commands/acl).
var (
	accountLog = trail.Source{
		Name: "audit log of the Upstash account", Tells: "who reset, changed and deleted databases, with source and address, for 7 days, 30 days or a year by plan; nothing of commands",
	}
	accountUnread = trail.Source{Name: "audit log of the Upstash account", Blind: "no API key of the account is configured here; look in the console, before its 7 days, 30 days or year are over"}
	commands      = trail.Source{Name: "commands at the Upstash database", Blind: "Upstash keeps no history of them, for no token: what was read or written cannot be told from here"}
)

// Sources are the account's log and the one that does not exist.
func (k *called) Sources() []trail.Source { return []trail.Source{accountLog, commands} }

// Sources are places that nobody can ask from here.
func (k *manual) Sources() []trail.Source { return []trail.Source{accountUnread, commands} }

// Sources are places that nobody can ask from here.
func (k *users) Sources() []trail.Source { return []trail.Source{accountUnread, commands} }

const opAudit = "reading the audit log of the Upstash account"

// Uses tells that nothing is known.
func (k *manual) Uses(_ context.Context, id providers.ID, _ trail.Window) ([]trail.Trail, error) {
	return providers.Unread(opAudit, id, k.Sources())
}

// Uses tells that nothing is known.
func (k *users) Uses(_ context.Context, id providers.ID, _ trail.Window) ([]trail.Trail, error) {
	return providers.Unread(opAudit, id, k.Sources())
}

// noted is an entry of the account's log.
type noted struct {
	At     int64  `json:"timestamp"`
	Act    string `json:"action_string"`
	Actor  string `json:"actor"`
	Source string `json:"source"`
	Entity string `json:"entity"`
	IP     string `json:"ip"`
}

// Uses reads the account's log, which has no filter: the whole of it comes, and
// what is older than it keeps is gone.
func (k *called) Uses(ctx context.Context, id providers.ID, over trail.Window) ([]trail.Trail, error) {
	if id == "" {
		return nil, &fault.Error{Op: opAudit, Class: fault.Never, Reason: fault.Invalid, Detail: "that is not an id"}
	}
	var all *[]noted
	if err := k.p.asAccount(ctx, rest.Call{Op: opAudit, Path: "/auditlogs"}, &all); err != nil {
		return nil, err
	}
	if all == nil {
		return nil, fault.New(opAudit, fault.Garbled, "the answer is no list")
	}
	g, older := trail.NewGather(over), false
	for _, n := range *all {
		at := time.Unix(n.At, 0)
		if n.At <= 0 {
			return nil, fault.New(opAudit, fault.Garbled, "an entry has no time")
		}
		older = older || at.Before(over.From)
		g.Add(at, trail.Said{What: n.Act + ": " + n.Entity, From: n.IP, Who: fmt.Sprintf("%s (%s)", n.Actor, n.Source)})
	}
	c, why := trail.Complete, "It tells nothing of commands. Rekey's own resets are in it, by the name of its API key."
	if !older {
		c, why = trail.Partial, "No entry from before the window is there: the plan may not keep them so long. "+why
	}
	return []trail.Trail{g.Trail(accountLog, c, why), trail.None(commands, "Cannot audit: "+commands.Blind+".")}, nil
}
