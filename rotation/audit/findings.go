package audit

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Rank is why a line needs an answer, the most urgent one first.
type Rank int

// The ranks.
const (
	AfterDeath   Rank = iota // used after it was proved dead
	Stranger                 // done or read by an identity that nobody declared
	Borrowed                 // by a declared one, from where a finding shows somebody else
	AfterMove                // used after the application had moved, not by it as far as can be told
	UnknownPlace             // from an address where the application was not seen
	UnknownAgent             // from a known address, by another program
	Left                     // used after the application had moved, from where it is
	Anybody                  // done with this credential or with another: the source does not say
	Placeless                // used before the application had moved, by it or by others: the source keeps no addresses
	Usual
)

var ranks = map[Rank]string{
	AfterDeath:   "after its death",
	Stranger:     "by an unknown identity",
	Borrowed:     "by a known identity, from an address of another finding",
	AfterMove:    "after the application had moved to the new one",
	UnknownPlace: "from an unknown address",
	UnknownAgent: "by an unknown program",
	Left:         "after the move, from a known address",
	Anybody:      "by this key or another",
	Placeless:    "before the move, by the application or by others",
	Usual:        "usual",
}

func (r Rank) String() string { return ranks[r] }

// Finding is a line with its rank.
type Finding struct {
	Rank   Rank
	Source Source // without its lines
	Line   Line
}

// Unusual reports that it needs an answer.
func (f Finding) Unusual() bool { return f.Rank < Anybody }

// Findings are all lines about the old credential and the vault, what needs an
// answer first. Rekey's own acts are none.
func (c *Case) Findings() []Finding {
	var all []Finding
	for _, s := range c.Sources {
		lines := s.Lines
		s.Lines = nil
		if s.Role == New {
			continue
		}
		for _, l := range lines {
			if !l.Own && !c.probe(s, l) {
				all = append(all, Finding{c.judge(s, l), s, l})
			}
		}
	}
	c.borrowed(all)
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Rank, b.Rank), a.Line.First.Compare(b.Line.First))
	})
	return all
}

// borrowed finds declared identities at an intruder's address: who stole a laptop
// may have what an application reads with, too.
func (c *Case) borrowed(all []Finding) {
	strange := make(map[string]bool)
	for _, f := range all {
		if f.Line.IP != "" && f.Rank <= UnknownPlace && !c.home(f.Line.IP) {
			strange[f.Line.IP] = true
		}
	}
	for i, f := range all {
		if f.Rank == Usual && f.Line.Who != "" && strange[f.Line.IP] {
			all[i].Rank = Borrowed
		}
	}
}

// home reports an address from which the application comes.
func (c *Case) home(ip string) bool {
	return c.within(ip) || slices.ContainsFunc(c.Sources, func(s Source) bool {
		return s.Role == New && slices.ContainsFunc(s.Lines, func(l Line) bool { return l.IP == ip })
	})
}

// Unusual are the findings that need an answer.
func (c *Case) Unusual() []Finding {
	return slices.DeleteFunc(c.Findings(), func(f Finding) bool { return !f.Unusual() })
}

// judge ranks one line.
func (c *Case) judge(s Source, l Line) Rank {
	switch {
	case l.Own, s.Role == New, c.probe(s, l):
		return Usual
	case s.Anyone && l.Who == "":
		return Anybody
	case s.Role != Vault && l.Who == "":
		return c.used(s, l)
	case c.declared(l.Who):
		return Usual
	default:
		return Stranger
	}
}

// used ranks a use of the old credential by when and from where it was made.
func (c *Case) used(s Source, l Line) Rank {
	place, agent := c.seen(s, l)
	known, told := place && agent, l.IP != ""
	after := since(l.First, c.Moved)
	switch {
	case since(l.First, c.Dead):
		return AfterDeath
	case after && !(known && told):
		return AfterMove
	case told && !place:
		return UnknownPlace
	case told && !agent:
		return UnknownAgent
	case after:
		return Left
	case !told:
		return Placeless
	default:
		return Usual
	}
}

// since reports that something was at a moment or after it; nothing is after one
// that was not reached.
func since(at, moment time.Time) bool { return !moment.IsZero() && !at.Before(moment) }

// declared reports an identity that the configuration names, by its id, its name
// or its e-mail address: whole, because anybody may call himself "x app-prod".
func (c *Case) declared(who string) bool {
	names := []string{who}
	if at := strings.LastIndex(who, " ("); at >= 0 && strings.HasSuffix(who, ")") {
		names = []string{who[:at], who[at+2 : len(who)-1]}
		if mail, _, ok := strings.Cut(who[:at], " "); ok && strings.Contains(mail, "@") {
			names = append(names, mail)
		}
	}
	return slices.ContainsFunc(names, func(name string) bool { return name != "" && slices.Contains(c.Readers, name) })
}

// seen says whether the application is known to come from a line's address, and
// with its agent.
func (c *Case) seen(s Source, l Line) (place, agent bool) {
	place = c.within(l.IP)
	agent = place || l.Agent == ""
	for _, other := range c.Sources {
		if other.Role != New || other.Name != s.Name {
			continue
		}
		for _, n := range other.Lines {
			place = place || n.IP == l.IP && n.IP != ""
			agent = agent || n.Agent == l.Agent && n.IP == l.IP
		}
	}
	return place, agent
}

func (c *Case) within(ip string) bool {
	at, err := netip.ParseAddr(ip)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(c.Addresses, func(network string) bool {
		if one, err := netip.ParseAddr(network); err == nil {
			return one == at
		}
		n, err := netip.ParsePrefix(network)
		return err == nil && n.Contains(at)
	})
}

// Agent is how Rekey calls itself where it probes a credential.
const Agent = "rekey"

// probe reports one of Rekey's own: who calls himself so and comes from where the
// new credential was probed, too, by the same name. A thief may take the name, and
// not the address.
func (c *Case) probe(s Source, l Line) bool {
	if l.IP == "" || l.Agent != Agent {
		return false
	}
	return slices.ContainsFunc(c.Sources, func(other Source) bool {
		return other.Role == New && other.Name == s.Name && slices.ContainsFunc(other.Lines, func(n Line) bool { return n.IP == l.IP && n.Agent == Agent })
	})
}

// Comparable reports that something is known of where the application comes from.
// Without it every address is an unknown one.
func (c *Case) Comparable() bool {
	return len(c.Addresses) > 0 || slices.ContainsFunc(c.Sources, func(s Source) bool {
		return s.Role == New && slices.ContainsFunc(s.Lines, func(l Line) bool { return l.IP != "" && l.Agent != Agent })
	})
}
