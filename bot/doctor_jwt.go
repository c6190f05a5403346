package main

import (
	"context"
	"fmt"

	"rekey/deploy"
	"rekey/internal/finding"
	"rekey/providers"
	"rekey/rotation"
)

// gates shows each environment's gate a token of the value in use, where a
// secret has gates.
func gates(ctx context.Context, s rotation.Subject, kind providers.Kind, current map[string]providers.Values) []finding.Finding {
	minter, mints := kind.(providers.Minter)
	if !mints {
		return nil
	}
	var found []finding.Finding
	for _, environment := range []string{rotation.Staging, rotation.Production} {
		looked := fmt.Sprintf("Gate of %s for tokens of %s", environment, s.Name)
		id, err := kind.Identify(current[environment])
		if err != nil || s.Stages[environment].Gate == nil {
			found = append(found, finding.Open(looked, "It was not tried, because the value in use is not known for certain or no gate is configured.", "Mend that first."))
			continue
		}
		token, err := minter.Mint(id, current[environment])
		if err != nil {
			found = append(found, finding.Failed(looked, err, "Look at the value in the vault."))
			continue
		}
		found = append(found, opened(looked, s.Stages[environment].Gate.Admit(ctx, token)))
	}
	return found
}

func opened(looked string, in deploy.Entrance) finding.Finding {
	const advice = "It must let in whoever bears a token that the value in use signed, after looking at the signature alone: secrets.NAME.jwt.gate."
	switch in.Admission {
	case deploy.Admitted:
		return finding.Good(looked, "It lets in who bears one.")
	case deploy.TurnedAway:
		return finding.Bad(looked, "It turned one away: "+in.Detail+".", advice)
	default:
		return finding.Bad(looked, "It does not tell: "+in.Detail+".", advice)
	}
}
