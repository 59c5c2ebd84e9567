// Reads a Compose file with the library that `docker compose` itself uses, and prints the model
// that it resolves to, as JSON: compose-check FILE [ENV-FILE].
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	if err := check(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(file string, envFiles []string) error {
	options, err := cli.NewProjectOptions([]string{file},
		cli.WithEnvFiles(envFiles...), cli.WithDotEnv, cli.WithDefaultProfiles("*"))
	if err != nil {
		return err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return err
	}
	model, err := project.MarshalJSON()
	if err == nil {
		_, err = os.Stdout.Write(model)
	}
	return err
}
