package signed

import (
	"fmt"
	"strings"
)

// Words say what somebody is about to sign.
func (s Statement) Words() []string {
	words := []string{s.gist() + " At the installation " + s.Installation + "."}
	if s.Act.Decides() {
		words = append(words, s.where(), "Plan     "+s.Plan, "Evidence "+s.Evidence)
	}
	if s.Reason != "" {
		words = append(words, "Reason: "+s.Reason)
	}
	return append(words, "It can be taken once, until "+s.Expires.UTC().Format("15:04:05 UTC")+".")
}

// where is what a decision is about.
func (s Statement) where() string {
	switch {
	case s.Act == Override:
		return fmt.Sprintf("Step %s of rotation %s.", s.Step, s.Rotation)
	case s.Batch != "":
		return fmt.Sprintf("Request %d of batch %s.", s.Card, s.Batch)
	default:
		return fmt.Sprintf("Request %d of rotation %s.", s.Card, s.Rotation)
	}
}

func (s Statement) gist() string {
	if s.Batch != "" {
		if s.Act == Deny {
			return "You deny the request below, for every secret in it; their old keys stay."
		}
		return "You approve the request below, for every secret in it whose approver you are."
	}
	switch s.Act {
	case VaultClosed:
		return "You say that whoever read the old " + s.Secret + " in the vault cannot read the next one there: a new one is made."
	case VaultNotLeak:
		return "You say that " + s.Secret + " got out by another way than the vault: a new one is made."
	case Override:
		return "You go on for " + s.Secret + " without the proof below; your name and your reason stand on every later request."
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
