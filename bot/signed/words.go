package signed

import (
	"fmt"
	"strings"
)

// Words say what somebody is about to sign.
func (s Statement) Words() []string {
	words := []string{s.gist() + " At the installation " + s.Installation + "."}
	if s.Act.Decides() {
		words = append(words,
			fmt.Sprintf("Request %d of rotation %s.", s.Card, s.Rotation),
			"Plan     "+s.Plan, "Evidence "+s.Evidence)
	}
	if s.Reason != "" {
		words = append(words, "Reason: "+s.Reason)
	}
	return append(words, "It can be taken once, until "+s.Expires.UTC().Format("15:04:05 UTC")+".")
}

func (s Statement) gist() string {
	switch s.Act {
	case Approve:
		return "You approve the request below for " + s.Secret + "."
	case Deny:
		return "You deny the request below for " + s.Secret + "; its old key stays."
	case Emergency:
		return "You call an emergency: " + s.Line + "."
	case Rotate:
		return "You ask for a rotation: " + s.Line + "."
	case Status:
		return "You ask how things stand" + strings.TrimSuffix(" for "+s.Line, " for ") + "."
	default:
		return "You ask to " + string(s.Act) + ": " + s.Line + "."
	}
}
