"""A server that takes as long as a real one, in a process of its own: `python -m tests.bench.latency_server`.

    127.0.0.1:PORT is printed; then POST /v1/completions takes REQUEST + TOKEN x max_tokens seconds, whatever else is
    under way (continuous batching), but no more than PLACES completions are written at a time; the others wait.

It takes lists of prompts and `n`, and counts seeds up, as vLLM does.
"""

import asyncio
import json

REQUEST = 0.02  # seconds: the network and reading the prompt
TOKEN = 0.02  # seconds a token, of one completion and of many: 50 tokens a second each
PLACES = 256  # vLLM's --max-num-seqs

places = asyncio.Semaphore(PLACES)


async def one_completion(num_tokens: int) -> None:
    async with places:
        await asyncio.sleep(TOKEN * num_tokens)


async def answer(path: str, body: bytes) -> bytes:
    if path.endswith("/models"):
        return json.dumps({"data": [{"id": "m", "owned_by": "vllm", "max_model_len": 4096}]}).encode()
    asked = json.loads(body)
    prompts = asked["prompt"] if isinstance(asked["prompt"], list) else [asked["prompt"]]
    num, num_tokens = asked.get("n", 1), asked["max_tokens"]
    await asyncio.sleep(REQUEST)
    await asyncio.gather(*(one_completion(num_tokens) for _ in range(len(prompts) * num)))
    choices = [
        {
            "index": place,
            "text": f"seed {asked['seed'] + place % num}: " + "word " * num_tokens,
            "finish_reason": "length",
        }
        for place in range(len(prompts) * num)
    ]
    return json.dumps({"choices": choices, "usage": {"completion_tokens": num_tokens * len(choices)}}).encode()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while line := await reader.readline():
            length = 0
            while (header := await reader.readline()).strip():
                name, _, value = header.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            content = await answer(line.split()[1].decode(), await reader.readexactly(length))
            head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
            writer.write(head.encode() + content)
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
