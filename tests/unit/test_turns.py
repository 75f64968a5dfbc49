"""Turns: one thing of each asker at a time, few askers at once, and nothing kept of who left."""

import asyncio

from ledger.limits import Turns


def test_one_asker_works_at_one_thing_and_others_meanwhile_at_theirs() -> None:
    turns, at_work, most = Turns(at_once=2, under_way=3), list[str](), dict[str, int]()

    async def work(asker: str) -> bool:
        async with turns.turn(asker) as is_theirs:
            if is_theirs:
                at_work.append(asker)
                most[asker] = max(most.get(asker, 0), at_work.count(asker))
                most["all"] = max(most.get("all", 0), len(at_work))
                await asyncio.sleep(0.01)
                at_work.remove(asker)
            return is_theirs

    async def day() -> list[bool]:
        return await asyncio.gather(*(work(one) for one in ("a",) * 5 + ("b", "c")))

    done = asyncio.run(day())

    assert done == [True, True, True, False, False, True, True]
    assert most == {"a": 1, "b": 1, "c": 1, "all": 2}


def test_who_fails_at_work_leaves_the_place_to_the_next() -> None:
    turns = Turns(at_once=1, under_way=1)

    async def fails() -> bool:
        try:
            async with turns.turn("a"):
                raise ValueError
        except ValueError:
            async with turns.turn("a") as is_theirs:
                return is_theirs

    assert asyncio.run(fails())
