"""Selective sync as the YAML writes it: which addresses load into a warehouse."""

from typing import Annotated, Literal

from pydantic import Field

from engagectl.config.field import Many, Name, Spec


class SelectiveSyncSpec(Spec):
    """Rules are addresses or globs of them: `table.`, `source.`, `column.`, `trait.`, `audience.`, `journey.`."""

    default: Annotated[Literal["include", "exclude"], Field(description="what holds where no rule speaks")] = "include"
    include: Many[Name] = ()
    exclude: Many[Name] = ()
