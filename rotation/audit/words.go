package audit

import (
	"fmt"
	"slices"
	"strings"
)

// told is how many findings the summary names.
const told = 3

// Summary is the audit in a few sentences, for people. What could not be read is
// part of it: nothing found is no proof where not everything was seen.
func (c *Case) Summary() string {
	unusual := c.Unusual()
	text := fmt.Sprintf("Audit of %s from %s to %s (%s): ", c.Credential, stamp(c.From), stamp(c.Closed), c.Basis)
	switch len(unusual) {
	case 0:
		text += c.calm()
	case 1:
		text += "1 finding needs an answer."
	default:
		text += fmt.Sprintf("%d findings need an answer.", len(unusual))
	}
	for i, f := range unusual {
		if i == told {
			text += fmt.Sprintf(" And %d more, in the files.", len(unusual)-told)
			break
		}
		text += " " + f.Sentence()
	}
	if c.intruded() {
		text += " Whoever read it in the vault may have read what else lies there: those values have leaked, too, until somebody says who that was."
	}
	switch n := len(c.untold()); n {
	case 0:
	case 1:
		text += " 1 line cannot be told from the application's own work; it stands in the files."
	default:
		text += fmt.Sprintf(" %d lines cannot be told from the application's own work; they stand in the files.", n)
	}
	if !c.Comparable() && c.addressed() {
		text += " Nothing is known of where the application comes from, so every address counts as unknown."
	}
	return text + c.open() + c.gaps()
}

// open says that the old credential outlived the last look: what is done with it
// later is not in here.
func (c *Case) open() string {
	switch {
	case c.Closed.IsZero() || !c.Dead.IsZero():
		return ""
	case c.Dies.After(c.Closed):
		return fmt.Sprintf(" The old key lives until %s, so this audit is not the last: what is done with the key until then is not in it. Rekey audits again when its death is proved.", stamp(c.Dies))
	default:
		return " The old key was not proved dead by then, so this audit is not the last: what is done with the key later is not in it. Rekey audits again when its death is proved."
	}
}

// calm is what finding nothing means: where nothing could be read, nothing was
// looked at.
func (c *Case) calm() string {
	if c.blind() {
		return "no source of it could be read, so nothing is known of what was done with it."
	}
	return "nothing unusual in what could be read."
}

// blind reports that no source told anything of the old credential or its vault.
func (c *Case) blind() bool {
	return !slices.ContainsFunc(c.Sources, func(s Source) bool { return s.Role != New && s.Completeness != Unavailable })
}

// untold are the lines that may be the application's own work or somebody
// else's.
func (c *Case) untold() []Finding {
	return slices.DeleteFunc(c.Findings(), func(f Finding) bool { return f.Unusual() || f.Rank == Usual })
}

// intruded reports that the vault was read by an identity that nobody declared.
func (c *Case) intruded() bool {
	return slices.ContainsFunc(c.Unusual(), func(f Finding) bool { return f.Source.Role == Vault })
}

// addressed reports that some source tells addresses.
func (c *Case) addressed() bool {
	for _, f := range c.Findings() {
		if f.Line.IP != "" && f.Source.Role == Old {
			return true
		}
	}
	return false
}

// gaps names what could not be read, or not wholly.
func (c *Case) gaps() string {
	var none, part []string
	for _, s := range c.Sources {
		if s.Role == New {
			continue
		}
		name := s.Name
		if s.Role == Vault {
			name += " for " + s.Of
		}
		switch s.Completeness {
		case Unavailable:
			none = append(none, name)
		case Partial:
			part = append(part, name)
		case Complete:
		}
	}
	var text strings.Builder
	if len(c.Sources) == 0 {
		text.WriteString(" No source tells uses of this credential: it cannot be audited.")
	}
	if len(none) > 0 {
		fmt.Fprintf(&text, " Cannot audit: %s.", strings.Join(none, "; "))
	}
	if len(part) > 0 {
		fmt.Fprintf(&text, " Read in part: %s.", strings.Join(part, "; "))
	}
	if len(none)+len(part) > 0 || len(c.Sources) == 0 {
		text.WriteString(" That is no proof that nothing happened there.")
	}
	return text.String()
}

// Sentence is a finding for people.
func (f Finding) Sentence() string {
	subject := "Used"
	switch {
	case f.Source.Role == Vault:
		subject = f.Source.Of + " was read in the vault"
	case f.Line.Who != "":
		subject = "Touched"
	}
	return fmt.Sprintf("%s %s: %s.", subject, f.Rank, f.Line.words(f.Source.Unit))
}

// words are the line's facts.
func (l Line) words(unit string) string {
	var parts []string
	if l.Count > 1 {
		parts = append(parts, fmt.Sprintf("%d times", l.Count))
	}
	if l.What != "" {
		parts = append(parts, l.What)
	}
	if l.Amount > 0 && unit != "" {
		parts = append(parts, fmt.Sprintf("(%d %s)", l.Amount, unit))
	}
	if l.Who != "" {
		parts = append(parts, "by "+l.Who)
	}
	if l.IP != "" {
		parts = append(parts, "from "+l.IP)
	}
	if l.Agent != "" {
		parts = append(parts, "with "+l.Agent)
	}
	return strings.Join(append(parts, l.when()), " ")
}

func (l Line) when() string {
	if l.Last.Sub(l.First) < 1 {
		return "at " + stamp(l.First)
	}
	return "from " + stamp(l.First) + " to " + stamp(l.Last)
}
