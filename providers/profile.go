package providers

import "strings"

// Profile tells people who plan what a kind is, before any of it was surveyed.
// docs/providers.md is made of these: what follows from the traits and the
// methods of the kind is taken from there, so that it is never said twice.
type Profile struct {
	Kind   Kind   // as surveyed, but for what only the service knows; nobody is asked
	When   string // what a survey finds this kind by
	Admin  string // the admin credential; "" where none can help
	Rights string // the least that it must be allowed
	Undo   string // what people can take back of the end at a console, where Rekey cannot; "" for nothing
	Audit  string // where an audit finds uses of one credential, where the kind is no Auditor; "" where nothing tells
}

// Row is a profile in words, one for each column.
type Row struct {
	Kind, When, Issues, Shape, Gap, Undo, Proof, Audit, People, Admin, Rights string
}

// Row puts a profile into words.
func (p Profile) Row() Row {
	t := p.Kind.Traits()
	return Row{
		Kind: t.Kind, When: p.When, Issues: issues(p.Kind), Shape: string(t.Shape), Gap: gap(p.Kind), Undo: undo(p.Kind, p.Undo),
		Proof: proof(p.Kind), Audit: audit(p.Kind, p.Audit), People: people(p.Kind),
		Admin: or(p.Admin, "none: no API would take one"), Rights: or(p.Rights, "–"),
	}
}

func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

func issues(k Kind) string {
	switch k.(type) {
	case Guide:
		return "a person, at the console"
	case Importer:
		return "Rekey; the service takes it as standby"
	case PlacedIssuer:
		return "API, in the account of each environment"
	default:
		return "API"
	}
}

// gap is the longest time without a working credential. Where a person makes it,
// theirs counts, too: the old one dies at the click.
func gap(k Kind) string {
	_, guided := k.(Guide)
	switch shape := k.Traits().Shape; {
	case shape == Cutover && guided:
		return "from a person's click at the console until the value is in the inbox, and one deployment of production; the deployment is measured before, all of it after"
	case shape == Cutover:
		return "one deployment of production, measured before and after"
	case shape == Grace:
		return "none; the old one dies by itself"
	default:
		return "none"
	}
}

func undo(k Kind, byPeople string) string {
	if _, ok := k.(Disabler); ok {
		return "switched on again until it is ended for good"
	}
	return or(byPeople, "none")
}

// proof is what proves that the new one is used and the old one dead, beside
// what the application says.
func proof(k Kind) string {
	var ways []string
	if _, ok := k.(Prober); ok {
		ways = append(ways, "asked with it")
	}
	if _, ok := k.(Lister); ok {
		ways = append(ways, "the service's list")
	}
	if _, ok := k.(Usage); ok {
		ways = append(ways, "when it was used")
	}
	return strings.Join(ways, ", ")
}

func people(k Kind) string {
	steps := []string{"approve"}
	if _, ok := k.(Guide); ok {
		steps = append([]string{"make the new one"}, steps...)
	}
	if _, ok := k.(EndGuide); ok {
		steps = append(steps, "end the old one")
	}
	return strings.Join(steps, ", ")
}
