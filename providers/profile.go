package providers

import "strings"

// Profile tells people who plan what a kind is, before any of it was surveyed.
// docs/providers.md is made of these: what follows from the traits and the
// methods of the kind is taken from there, so that it is never said twice.
type Profile struct {
	Kind   Kind     // as surveyed, but for what only the service knows; nobody is asked
	Of     Provider // that finds it, where that is a [Survivor]; nobody is asked, either
	When   string   // what a survey finds this kind by
	Admin  string   // the admin credential; "" where none can help
	Rights string   // the least that it must be allowed
	Undo   string   // what people can take back of the end at a console, where Rekey cannot; "" for nothing
	Takes  string   // what else ends with it, where that is more than the credential; "" for nothing
	Audit  string   // where an audit finds uses of one credential, where the kind is no Auditor; "" where nothing tells
}

// Row is a profile in words, one for each column.
type Row struct {
	Kind, When, Issues, Shape, Gap, Undo, First, Proof, Audit, People, Admin, Rights string
}

// Row puts a profile into words.
func (p Profile) Row() Row {
	t := p.Kind.Traits()
	return Row{
		Kind: t.Kind, When: p.When, Issues: issues(p.Kind), Shape: string(t.Shape), Gap: gap(p.Kind), Undo: undo(p.Kind, p.Undo),
		First: p.first(), Proof: proof(p.Kind), Audit: audit(p.Kind, p.Audit), People: people(p.Kind),
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

// EndsFirst reports that the credential can end before it has a successor.
func (p Profile) EndsFirst() bool {
	s, ok := p.Of.(Survivor)
	return ok && s.Survives(p.Kind.Traits())
}

// first is what ending it before it has a successor takes, or why that cannot be.
func (p Profile) first() string {
	t := p.Kind.Traits()
	_, urgent := p.Kind.(Urgent)
	_, byHand := p.Kind.(EndGuide)
	switch {
	case t.Shape == Cutover:
		return "no need: the making of the next one ends it at once"
	case t.Shape == DeployFirst:
		return "no: nobody could sign in until there is another one; it ends as soon as its successor signs"
	case urgent:
		return "no: it ends by the making of the next one, and lives on for the grace; the application moves to another kind at once"
	case !p.EndsFirst():
		return "no: it ends only by the making of the next one, and lives on for the grace"
	case byHand && t.Remember != "":
		return "yes, by a person, who notes " + t.Remember + " before"
	case byHand:
		return "yes, by a person"
	case t.Remember != "":
		return "yes; a person notes " + t.Remember + " before"
	case p.Takes != "":
		return "yes; " + p.Takes + " ends with it"
	default:
		return "yes"
	}
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
